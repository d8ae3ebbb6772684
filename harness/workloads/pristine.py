"""A lab without a mesh, workloads that are to be its guests, and what stood there before."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.converge import Budget, concurrently, eventually
from harness.meshes.base import MeshShape
from harness.meshes.traces import Trace, traces
from harness.model import Lab
from harness.workloads.echo import Echo, namespace, service
from harness.workloads.site import Site

#: The guests' namespace, and what their workload and Service are called.
GUESTS, GUEST = "guests", "guest"


@dataclass(frozen=True, slots=True)
class Pristine:
    """The lab, with workloads that wait for a mesh, and every object that stood in it then."""

    lab: Lab
    sites: tuple[Site, ...]
    before: frozenset[Trace]

    @classmethod
    def of(cls, lab: Lab, shapes: Mapping[str, MeshShape]) -> "Pristine":
        """Deploy the guests, and look once the clusters have made everything of their own."""
        sites = tuple(
            Site.of(lab, cluster.name, shapes.get(cluster.name)) for cluster in lab.clusters
        )
        concurrently(_invite, sites)
        looks = [traces(lab)]

        def grown() -> int:
            looks.append(traces(lab))
            return len(looks[-1] ^ looks[-2])

        eventually(
            grown,
            lambda new: new == 0,
            what="the clusters have made their own roles and namespaces",
            budget=Budget(timeout=60, interval=0.3, successes=4, firm=True),
        )
        return cls(lab, sites, looks[-1])

    def traces(self) -> frozenset[Trace]:
        """Return what stands now."""
        return traces(self.lab)

    def join(self) -> None:
        """Let the guests be injected by the mesh that has been installed."""
        concurrently(lambda site: site.restart(GUEST, GUESTS), self.sites)


def _invite(site: Site) -> None:
    site.apply(namespace(GUESTS, injected=True, revision=site.shape.revision))
    site.deploy(Echo(name=GUEST, namespace=GUESTS))
    site.apply(service(GUEST, GUESTS))
    site.rolled_out(GUEST, GUESTS)
