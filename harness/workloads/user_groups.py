"""User groups of one cluster, each with a control plane and two namespaces of its own.

As the guide ``setup/install/multiple-controlplanes`` has them: in each namespace a workload that
calls and answers, and its Service.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from harness.kube import Manifest
from harness.meshes.base import MeshShape, shape_of
from harness.model import ControlPlane
from harness.probes.caller import Caller
from harness.workloads.echo import Echo, namespace, service
from harness.workloads.rules import mesh_wide
from harness.workloads.site import Site
from harness.workloads.stage import Host

MEMBER = "member"


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A group: ``site`` is its cluster with the names of its own control plane."""

    site: Site
    namespaces: tuple[str, ...]

    @property
    def name(self) -> str:
        """What its control plane is called after: the namespace that it runs in."""
        return self.site.shape.system

    def __str__(self) -> str:
        """Return its name."""
        return self.name

    def member(self, number: int = 0) -> Caller:
        """The workload in one of its namespaces."""
        return self.site.caller(self.namespaces[number], MEMBER)

    def host(self, number: int = 0) -> Host:
        """The Service in one of its namespaces."""
        return Host(MEMBER, self.namespaces[number])

    @property
    def proxies(self) -> set[str]:
        """The names of its proxies, as control planes know them."""
        callers = map(self.member, range(len(self.namespaces)))
        return {f"{each.pod}.{each.namespace}" for each in callers}


@dataclass
class Settling:
    """How groups are settled: under the labels of their control plane, or of ``another``'s."""

    another: bool = False

    @contextmanager
    def wrongly(self) -> Iterator[None]:
        """Run the body while namespaces have the labels of another group's."""
        self.another, before = True, self.another
        try:
            yield
        finally:
            self.another = before

    @contextmanager
    def of(self, site: Site, planes: Sequence[ControlPlane]) -> Iterator[tuple[UserGroup, ...]]:
        """Settle a group for each control plane of a cluster while the body runs."""
        groups = tuple(_group(site, plane) for plane in planes)
        shapes = [group.site.shape for group in groups]
        asked = [*shapes[1:], *shapes[:1]] if self.another else shapes
        spaces = [space for group in groups for space in group.namespaces]
        with ExitStack() as undo:
            undo.callback(_gone, site, spaces)
            for group, shape in zip(groups, asked, strict=True):
                site.apply(*_labelled(group, shape))
                undo.enter_context(site.applied(mesh_wide(group.site, "default", "STRICT")))
            for space in spaces:
                site.deploy(Echo(name=MEMBER, namespace=space))
                site.apply(service(MEMBER, space))
            for space in spaces:
                site.rolled_out(MEMBER, space)
            yield groups


def _gone(site: Site, spaces: Sequence[str]) -> None:
    """Delete namespaces side by side, with pods that need not drain."""
    for space in spaces:
        site.kube.delete("Namespace", space)
    for space in spaces:
        for pod in site.kube.list("Pod", space):
            site.kube.delete("Pod", pod["metadata"]["name"], space, grace=1)
    for space in spaces:
        site.kube.gone("Namespace", space)


def _group(site: Site, plane: ControlPlane) -> UserGroup:
    own = replace(site, shape=shape_of(plane), served_by=(), configured_by=())
    return UserGroup(own, tuple(f"{plane.name}-app-{number}" for number in (1, 2)))


def _labelled(group: UserGroup, shape: MeshShape) -> list[Manifest]:
    """Return the namespaces of a group as those of the control plane with these names."""
    return [
        namespace(space, injected=True, revision=shape.revision, labels=shape.selected)
        for space in group.namespaces
    ]
