"""Who installs what: the values of every cluster, derived from a topology alone."""

from dataclasses import dataclass

from harness.model import ClusterSpec, Role, Topology, structure


@dataclass(frozen=True, slots=True)
class ClusterInstall:
    """What one cluster gets.

    ``primary`` is the cluster whose istiod configures it (its own name if it runs one).
    ``gateway``: it gets an east-west gateway and exposes its services there.
    ``reads``: clusters whose API servers its istiod watches; a remote secret tells of each.
    """

    cluster: str
    network: str
    mesh_id: str
    trust_domain: str
    role: Role
    primary: str
    gateway: bool
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """A whole mesh, clusters in the topology's order."""

    clusters: tuple[ClusterInstall, ...]

    def cluster(self, name: str) -> ClusterInstall:
        """Return what the cluster called ``name`` gets."""
        return next(install for install in self.clusters if install.cluster == name)


def plan_install(topology: Topology) -> InstallPlan:
    """Apply the recipes of the documentation to ``topology``."""
    return InstallPlan(tuple(_install(topology, spec) for spec in topology.members))


def _install(topology: Topology, spec: ClusterSpec) -> ClusterInstall:
    plane = structure.control_planes_of(topology, spec.name)[0]
    return ClusterInstall(
        cluster=spec.name,
        network=spec.network,
        mesh_id=plane.mesh,
        trust_domain=plane.trust_domain,
        role=spec.role,
        primary=plane.cluster,
        gateway=bool(structure.gateways_of(topology, spec.name)),
        reads=plane.reads if plane.cluster == spec.name else (),
    )


def unsupported(topology: Topology) -> list[str]:
    """Say what cannot be installed so far, and why; empty if all of ``topology`` can."""
    return [
        f"cluster {cluster.name!r} is {cluster.role}: only primaries can be installed so far"
        for cluster in topology.clusters
        if cluster.role is not Role.PRIMARY
    ]
