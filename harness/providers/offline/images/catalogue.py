"""What nodes and pods run, as layers: which programs lie where, and what each image stands on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import artifacts
from harness.artifacts import Artifact
from harness.model.images import ImageTable, Programs
from harness.phases import Phases
from harness.providers.fabric.images import COREDNS, workloads

#: The layer of everything that Debian brought along, beneath most others.
DEBIAN = "debian"
#: What runs in a node as its first process, and where it lies there.
NODE_SOURCE, NODE_PLACE = Path(__file__).parent / "node", "opt/meshproof/node"
_LOCAL = "/usr/local/bin"
_DIGITS = 8

#: Programs of the node itself, by the names of ``harness.artifacts``.
NODE_PROGRAMS = ("kubeadm", "kubectl", "kubelet")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Layer:
    """Files of an image: ``programs`` (their slots) by path, ``tree`` directories of source.

    ``writable`` directories belong to ``owner``. ``beneath`` is the layer below.
    """

    programs: Mapping[str, str] = field(default_factory=dict)
    tree: Mapping[str, Path] = field(default_factory=dict)
    writable: tuple[str, ...] = ()
    owner: int = 0
    beneath: str = ""


@dataclass(frozen=True, slots=True)
class PodImage:
    """An image that pods name."""

    name: str
    source: Programs

    @property
    def layer(self) -> str:
        """The name of its topmost layer."""
        return layer_name(self.source)

    @property
    def user(self) -> str:
        """Who runs it, as an image's configuration says it; empty for root."""
        return f"{self.source.user}:{self.source.user}" if self.source.user else ""


def _local(*names: str) -> dict[str, str]:
    return {f"{_LOCAL}/{name}": name for name in names}


#: kube-proxy calls iptables, so Debian lies beneath.
_KUBERNETES = Programs(
    files=_local("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler")
)
PAUSE = Programs(argv=("/pause",), files={"/pause": "pause"}, user=65535, bare=True)
#: What kubeadm lists, by the last part of the names.
_CLUSTER: Mapping[str, Programs] = {
    "coredns": COREDNS,
    "etcd": Programs(files=_local("etcd"), bare=True),
    **dict.fromkeys(
        ("kube-apiserver", "kube-controller-manager", "kube-proxy", "kube-scheduler"), _KUBERNETES
    ),
    "pause": PAUSE,
}


def slot(program: str, versions: Mapping[str, str]) -> str:
    """Return what a program of certain versions is told apart by from the same of others."""
    return "@".join([program, *(f"{name}={versions[name]}" for name in sorted(versions))])


def filled(
    slots: Sequence[str], phases: Phases, versions: Mapping[str, str]
) -> dict[str, Artifact]:
    """Return the program of each slot, made first if need be; ``versions`` are for all of them."""
    wanted: dict[str, dict[str, str]] = {}
    for each in slots:
        program, _, asked = each.partition("@")
        wanted.setdefault(asked, {})[program] = each
    found: dict[str, Artifact] = {}
    for programs in wanted.values():
        _, asked_for = of_slot(next(iter(programs.values())))
        made = artifacts.ensure(list(programs), phases, {**versions, **asked_for})
        found |= {programs[program]: artifact for program, artifact in made.items()}
    return found


def of_slot(slot: str) -> tuple[str, dict[str, str]]:
    """Return the program of a slot, and the versions that it asks for."""
    program, *asked = slot.split("@")
    return program, dict(each.split("=", 1) for each in asked)


def layer_name(source: Programs) -> str:
    """Return the name of the layer that holds the files of an image: equal files, equal names."""
    layer = _layer(source)
    parts = [*layer.programs.items(), *layer.tree, *layer.writable, layer.owner, layer.beneath]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()[:_DIGITS]
    return f"{Path(next(iter([*layer.programs, *layer.tree]))).name}-{digest}"


def layers(images: Sequence[PodImage]) -> dict[str, Layer]:
    """Return every layer of these images by name, Debian's first."""
    return {DEBIAN: Layer(), **{image.layer: _layer(image.source) for image in images}}


def _layer(source: Programs) -> Layer:
    return Layer(
        programs={
            path.lstrip("/"): slot(name, source.versions) for path, name in source.files.items()
        },
        tree={path.lstrip("/"): directory for path, directory in source.trees.items()},
        writable=tuple(path.lstrip("/") for path in source.writable),
        owner=source.user if source.writable else 0,
        beneath="" if source.bare else DEBIAN,
    )


def pod_images(mesh: ImageTable) -> list[PodImage]:
    """Return the images that are put together here: of workloads, and of a mesh."""
    made = {name: each for name, each in mesh.items() if isinstance(each, Programs)}
    return [PodImage(name, source) for name, source in {**workloads(), **made}.items()]


def cluster_images(listed: Sequence[str]) -> list[PodImage]:
    """Return the images that kubeadm lists. A :class:`KeyError` names one that nobody makes."""
    return [PodImage(name, _CLUSTER[short(name)]) for name in listed]


def own_images() -> list[PodImage]:
    """Return what clusters themselves run, by short names: the full ones are kubeadm's to say."""
    return [PodImage(name, source) for name, source in _CLUSTER.items()]


def short(name: str) -> str:
    """Return the last part of an image's name, without its tag."""
    return name.rsplit("/", 1)[-1].split(":", 1)[0]
