"""What decides what a node image is, as one digest: its tag says whether it is still right."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.artifacts import supply
from harness.artifacts.components import table
from harness.providers.offline.images import catalogue
from harness.providers.offline.images.rootfs import PACKAGES, ROOT

NODE = "meshproof/node"
HELPER = "meshproof/helper"
_DIGITS = 12
#: Sources of ours that decide what comes out, beside those that go in.
_DECIDING = ("catalogue.py", "labels.py", "node_image.py", "rootfs.py")


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to make images. ``versions`` names components in other versions than the default."""

    digest: str
    kubernetes: str
    istio: str
    versions: Mapping[str, str]

    @property
    def tag(self) -> str:
        """The tag of what this recipe makes."""
        return f"v{self.kubernetes}-{self.digest[:_DIGITS]}"

    @property
    def node(self) -> str:
        """The name of the node image."""
        return f"{NODE}:{self.tag}"


def recipe(versions: Mapping[str, str] = supply.DEFAULT) -> Recipe:
    """Return the recipe for these versions; cheap, nothing needs to be there yet."""
    asked = dict(versions)
    if asked.get("kubernetes"):
        asked.setdefault("kubernetes-node", asked["kubernetes"])
    known = {component.name: component for component in table(asked)}
    whole = hashlib.sha256()
    for line in (*_of_programs(asked), *_of_sources()):
        whole.update(f"{line}\n".encode())
    return Recipe(
        digest=whole.hexdigest(),
        kubernetes=known["kubernetes"].version,
        istio=known["istio"].version,
        versions=asked,
    )


def wanted() -> tuple[str, ...]:
    """Return the names of all programs that go in."""
    return (*catalogue.programs(), ROOT, PACKAGES)


def _of_programs(versions: Mapping[str, str]) -> list[str]:
    """Return a line for each program: how it is made, or what it is if a bundle brings another."""
    offered = supply.bundled(versions)
    lines = []
    for name, component in sorted(supply.owned(wanted(), table(versions)).items()):
        line = f"{name} {component.label}"
        if name in offered and offered[name].program.version != component.version:
            line = f"{name} {offered[name].program.sha256}"
        lines.append(line)
    return lines


def _of_sources() -> list[str]:
    trees = [source for layer in catalogue.LAYERS.values() for source in layer.tree.values()]
    paths = [path for tree in (catalogue.NODE_SOURCE, *trees) for path in sorted(tree.glob("*.py"))]
    return [
        f"{path.parent.name}/{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in (*map(Path(__file__).with_name, _DECIDING), *paths)
    ]
