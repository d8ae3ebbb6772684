"""What nodes and pods run, as images: the names that pods ask for, and what is behind them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.artifacts import agent
from harness.artifacts.components import ISTIO_HUB, istio_tag

AGENT = "docker.io/meshproof/agent:1"
#: The layer of everything that Debian brought along, beneath most others.
DEBIAN = "debian"
#: What runs in a node as its first process, and where it lies there.
NODE_SOURCE, NODE_PLACE = Path(__file__).parent / "node", "opt/meshproof/node"
_LOCAL = "usr/local/bin"
_PROXY_USER = 1337

#: Programs of the node itself, by the names of ``harness.artifacts``.
NODE_PROGRAMS = ("kubeadm", "kubectl", "kubelet")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Layer:
    """Files of an image: ``programs`` by their path, ``tree`` directories of source by theirs.

    ``writable`` directories belong to the account of proxies. ``beneath`` is the layer below.
    """

    programs: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, Path] = field(default_factory=dict)
    writable: tuple[str, ...] = ()
    beneath: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """How an image is run: the layer on top, and what the image's configuration says."""

    layer: str
    argv: tuple[str, ...] = ()
    user: str = ""


@dataclass(frozen=True, slots=True)
class PodImage:
    """An image that pods name; ``published`` is where a registry has it, if one does."""

    name: str
    entry: Entry
    published: str = ""


def _local(*names: str) -> dict[str, str]:
    return {f"{_LOCAL}/{name}": name for name in names}


LAYERS: Mapping[str, Layer] = {
    "agent": Layer(
        tree={f"{agent.PLACE}/{path}": source for path, source in agent.directories().items()},
        beneath=DEBIAN,
    ),
    "coredns": Layer({"coredns": "coredns"}),
    DEBIAN: Layer(),
    "etcd": Layer(_local("etcd")),
    "kubernetes": Layer(
        _local("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"),
        beneath=DEBIAN,  # kube-proxy calls iptables
    ),
    "pause": Layer({"pause": "pause"}),
    "pilot": Layer(_local("pilot-discovery"), beneath=DEBIAN),
    "proxyv2": Layer(
        {
            **_local("envoy", "pilot-agent"),
            "var/lib/istio/envoy/envoy_bootstrap_tmpl.json": "envoy-bootstrap",
        },
        writable=("etc/istio/proxy", "var/lib/istio/data"),
        beneath=DEBIAN,
    ),
}
_KUBERNETES: Mapping[str, Entry] = {
    "coredns": Entry("coredns", ("/coredns",)),
    "etcd": Entry("etcd"),
    **dict.fromkeys(
        ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"),
        Entry("kubernetes"),
    ),
    "pause": Entry("pause", ("/pause",), "65535:65535"),
}
_AGENT_ENTRY = Entry("agent", ("/usr/bin/python3", "-I", "-B", f"/{agent.PLACE}/{agent.PROGRAM}"))
_ISTIO: Mapping[str, Entry] = {
    "pilot": Entry("pilot", (f"/{_LOCAL}/pilot-discovery",), f"{_PROXY_USER}:{_PROXY_USER}"),
    "proxyv2": Entry("proxyv2", (f"/{_LOCAL}/pilot-agent",), f"{_PROXY_USER}:{_PROXY_USER}"),
}
PROXY_USER = _PROXY_USER


def programs() -> tuple[str, ...]:
    """Return the name of every program that goes into a node image."""
    inside = [name for layer in LAYERS.values() for name in layer.programs.values()]
    return (*NODE_PROGRAMS, *sorted(inside))


def mesh_images(istio_version: str) -> list[PodImage]:
    """Return the images of a mesh and of the workloads in it."""
    found = [PodImage(AGENT, _AGENT_ENTRY)]
    for name, entry in _ISTIO.items():
        asked = f"{ISTIO_HUB}/{name}:{istio_tag(istio_version)}"
        found.append(PodImage(asked, entry, published(name, istio_version)))
    return found


def published(name: str, istio_version: str) -> str:
    """Return what a registry calls an image of Istio; only releases are there."""
    release = istio_version.removeprefix("v")
    parts = release.split(".")
    if len(parts) == 3 and all(part.isdecimal() for part in parts):
        return f"istio/{name}:{release}"
    return ""


def cluster_images(listed: Sequence[str]) -> list[PodImage]:
    """Return the images that kubeadm lists. A :class:`KeyError` names one that nobody makes."""
    return [PodImage(name, _KUBERNETES[short(name)]) for name in listed]


def short(name: str) -> str:
    """Return the last part of an image's name, without its tag."""
    return name.rsplit("/", 1)[-1].split(":", 1)[0]
