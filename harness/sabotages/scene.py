"""What a sabotage may touch: the lab, the mesh, and the clusters that the check is about."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

from harness.meshes.base import Mesh
from harness.model import HarnessError, Lab
from harness.providers.base import Provider
from harness.workloads.site import Site, governing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scene:
    """The surroundings of one check; ``fixtures`` are the values that the check was given."""

    lab: Lab
    mesh: Mesh
    provider: Provider
    sites: tuple[Site, ...]
    source: Site | None = None
    target: Site | None = None
    cluster: Site | None = None
    fixtures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def client(self) -> Site:
        """The cluster whose callers the check looks at."""
        return self.source or self.cluster or self.sites[0]

    @property
    def server(self) -> Site:
        """The cluster on the far side: the target, or any cluster other than the client's."""
        if self.target is not None:
            return self.target
        return next((s for s in self.sites if s.name != self.client.name), self.client)

    @property
    def control_planes(self) -> list[Site]:
        """The clusters that run control planes."""
        return governing(self.sites)

    @property
    def gates(self) -> list[Site]:
        """The clusters in which the gateways of the server's network run, its own one first."""
        near = [site for site in self.sites if site.network == self.server.network]
        near.sort(key=lambda site: site.name != self.server.name)
        return [site for site in near if site.gateways]

    @property
    def gate(self) -> Site:
        """The first of them."""
        return self.gates[0]

    def of_pair(self, pair: tuple[str, str] | None) -> Self:
        """Return the scene with these clusters, by name, as source and target, if there are any."""
        if pair is None:
            return self
        source, target = (next(s for s in self.sites if s.name == name) for name in pair)
        return replace(self, source=source, target=target)

    def given(self, name: str, kind: type[T]) -> T:
        """Return the value of a fixture that the check was given."""
        value = self.fixtures.get(name)
        if not isinstance(value, kind):
            raise HarnessError(f"this sabotage is for checks with a {kind.__name__} {name!r}")
        return value


#: Breaks one thing on entry and heals it on exit; its name is the catalogue's with ``_``.
Sabotage = Callable[[Scene], AbstractContextManager[None]]
#: The generator function beneath a :data:`Sabotage`.
Breaking = Iterator[None]


def name_of(sabotage: Sabotage) -> str:
    """Return the name under which the catalogue lists a sabotage."""
    return str(getattr(sabotage, "__name__", sabotage)).replace("_", "-")
