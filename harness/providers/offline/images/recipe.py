"""What decides what a node image is, as one digest: its tag says whether it is still right."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.artifacts import supply
from harness.artifacts.components import table
from harness.model.images import ImageTable
from harness.providers.offline.images import catalogue
from harness.providers.offline.images.catalogue import PodImage
from harness.providers.offline.images.rootfs import PACKAGES, ROOT

NODE = "meshproof/node"
HELPER = "meshproof/helper"
_DIGITS = 12
#: Sources of ours that decide what comes out, beside those that go in.
_DECIDING = ("catalogue.py", "labels.py", "node_image.py", "rootfs.py")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to make images. ``versions`` names components in other versions than the default.

    ``mesh`` is what pods of a mesh will name beside those of workloads.
    """

    digest: str
    kubernetes: str
    mesh: ImageTable
    versions: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The tag of what this recipe makes."""
        return f"v{self.kubernetes}-{self.digest[:_DIGITS]}"

    @property
    def pods(self) -> list[PodImage]:
        """The images of pods that are put together here."""
        return catalogue.pod_images(self.mesh)

    @property
    def node(self) -> str:
        """The name of the node image."""
        return f"{NODE}:{self.tag}"


def recipe(mesh: ImageTable, versions: Mapping[str, str] = supply.DEFAULT) -> Recipe:
    """Return the recipe for the images of a mesh, and for these versions of everything else.

    Cheap: nothing needs to be there yet.
    """
    asked = dict(versions)
    if asked.get("kubernetes"):
        asked.setdefault("kubernetes-node", asked["kubernetes"])
    known = {component.name: component for component in table(asked)}
    whole = hashlib.sha256()
    images = catalogue.pod_images(mesh)
    for line in (*_of_programs(images, asked), *_of_images(images), *_of_sources(images)):
        whole.update(f"{line}\n".encode())
    return Recipe(
        digest=whole.hexdigest(),
        kubernetes=known["kubernetes"].version,
        mesh=mesh,
        versions=asked,
    )


def wanted(images: Sequence[PodImage]) -> list[str]:
    """Return the slots of all programs that go into a node with these images of pods."""
    layers = catalogue.layers([*catalogue.own_images(), *images])
    inside = {slot for layer in layers.values() for slot in layer.programs.values()}
    return [*catalogue.NODE_PROGRAMS, *sorted(inside), ROOT, PACKAGES]


def _of_programs(images: Sequence[PodImage], versions: Mapping[str, str]) -> list[str]:
    """Return a line for each program: how it is made, or what it is if a bundle brings another."""
    lines = []
    for slot in sorted(wanted(images)):
        name, own = catalogue.of_slot(slot)
        asked = {**versions, **own}
        offered = supply.bundled(asked)
        component = supply.owned([name], table(asked))[name]
        line = f"{slot} {component.label}"
        if name in offered and offered[name].program.version != component.version:
            line = f"{slot} {offered[name].program.sha256}"
        lines.append(line)
    return lines


def _of_images(images: Sequence[PodImage]) -> list[str]:
    return sorted(f"{image.name} {image.layer} {image.source.argv}" for image in images)


def _of_sources(images: Sequence[PodImage]) -> list[str]:
    trees = [source for image in images for source in image.source.trees.values()]
    paths = [path for tree in (catalogue.NODE_SOURCE, *trees) for path in sorted(tree.glob("*.py"))]
    return [
        f"{path.parent.name}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in (*map(Path(__file__).with_name, _DECIDING), *paths)
    ]
