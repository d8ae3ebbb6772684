"""Say of every image that a lab needs what it is, where it comes from and whether it is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.providers.offline.images.choice import Asked, Decision, Way
from harness.providers.offline.images.labels import CONTENTS, Inside
from harness.providers.offline.images.provision import stock_node
from harness.providers.offline.images.recipe import HELPER, Recipe
from harness.providers.offline.images.registry import Registry

if TYPE_CHECKING:
    import docker

_ABSENT = "not there"


@dataclass(frozen=True, slots=True)
class Row:
    """One image; ``megabytes`` is 0 for what lies in a node image or is not there."""

    name: str
    digest: str
    source: str
    state: str
    megabytes: int = 0

    def __str__(self) -> str:
        name, _, tag = self.name.rpartition(":")
        size = f"{self.megabytes} MB" if self.megabytes else "-"
        digest = self.digest.removeprefix("sha256:")[:12] or "-"
        return f"{name:<44} {tag:<24} {size:>8}  {digest:<12}  {self.source:<12}  {self.state}"


@dataclass(frozen=True, slots=True)
class Listing:
    """The images of one recipe on one engine, had by the way that was decided on."""

    client: "docker.DockerClient"
    recipe: Recipe
    wish: Asked
    decision: Decision

    def rows(self) -> list[Row]:
        """Return a row for each image, the node's first."""
        here = self.decision.way is Way.HERE
        return list(self._made() if here else self._published())

    def names(self) -> list[str]:
        """Return the names by which the engine knows them, for one archive.

        What came from a mirror is named as the mirror does and as the public registry does, so
        that it is known without a question wherever it is loaded.
        """
        if self.decision.way is Way.HERE:
            return [self.recipe.node]
        pods = [image.name.removeprefix("docker.io/") for image in self.recipe.pods]
        public = [stock_node(self.recipe), *(each.source.published for each in self.recipe.pods)]
        mirror = Registry(self.client, self.wish.prefix)
        mirrored = [mirror.name(name) for name in public if name]
        found = [*mirrored, stock_node(self.recipe), *pods, f"{HELPER}:{self.recipe.tag}"]
        return list(dict.fromkeys(found))

    def _made(self) -> Iterator[Row]:
        node = self._row(self.recipe.node, Way.HERE)
        yield node
        if node.state == _ABSENT:
            for image in self.recipe.pods:
                yield Row(image.name, "", Way.HERE, _ABSENT)
            return
        inside = Inside.load(self.client.images.get(self.recipe.node).labels.get(CONTENTS, ""))
        for name, digest in inside.images.items():
            yield Row(name, digest, Way.HERE, "in the node image")

    def _published(self) -> Iterator[Row]:
        yield self._row(self._stock, Way.REGISTRY)
        for image in self.recipe.pods:
            way = Way.REGISTRY if image.source.published else Way.HERE
            yield self._row(image.name.removeprefix("docker.io/"), way)
        yield self._row(f"{HELPER}:{self.recipe.tag}", Way.HERE)

    def _row(self, name: str, way: Way) -> Row:
        import docker

        try:
            image = self.client.images.get(name)
        except docker.errors.ImageNotFound:
            return Row(name, "", way, _ABSENT)
        return Row(name, image.id, way, "there", image.attrs["Size"] // 1_000_000)

    @property
    def _stock(self) -> str:
        return Registry(self.client, self.wish.prefix).name(stock_node(self.recipe))
