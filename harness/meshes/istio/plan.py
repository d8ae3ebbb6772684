"""Who installs what: the values of every cluster, derived from a topology alone."""

from dataclasses import dataclass

from harness.model import Role, Topology


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
    """Apply the recipes of the documentation to ``topology``.

    Gateways exist as soon as there is more than one network; every istiod reads every other
    cluster.
    """
    several_networks = len({cluster.network for cluster in topology.clusters}) > 1
    return InstallPlan(
        tuple(
            ClusterInstall(
                cluster=spec.name,
                network=spec.network,
                mesh_id=topology.mesh_id,
                trust_domain=topology.trust_domain,
                role=spec.role,
                primary=spec.primary or spec.name,
                gateway=several_networks,
                reads=tuple(
                    other.name
                    for other in topology.clusters
                    if spec.role is Role.PRIMARY and other.name != spec.name
                ),
            )
            for spec in topology.clusters
        )
    )


def unsupported(plan: InstallPlan) -> list[str]:
    """Say of each cluster that cannot be installed so far why; empty if the whole plan can."""
    return [
        f"cluster {install.cluster!r} is a remote of {install.primary!r}: "
        "remotes are not yet installed by this mesh driver"
        for install in plan.clusters
        if install.role is Role.REMOTE
    ]
