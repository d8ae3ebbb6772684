"""What the lab should look like, as declared in ``topologies/*.yaml``."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

#: A DNS label: cluster and network names end up in Kubernetes labels and file names.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]


class Role(StrEnum):
    """What a cluster contributes to the control plane of its mesh."""

    PRIMARY = "primary"
    REMOTE = "remote"


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSpec(_Declared):
    """A flat network: whatever is on it reaches whatever else is on it."""

    name: Name = Field(description="Value of topology.istio.io/network for everything on it.")
    cidr: str | None = Field(
        None, description="Range of node and gateway addresses; planned if absent."
    )


class NodeSpec(_Declared):
    """One Kubernetes node."""

    zone: Name | None = Field(None, description="Value of topology.kubernetes.io/zone.")


class ClusterSpec(_Declared):
    """A Kubernetes cluster attached to one network."""

    name: Name = Field(description="Value of values.global.multiCluster.clusterName.")
    network: Name = Field(description="The network its nodes and pods are on.")
    role: Role = Field(Role.PRIMARY, description="primary runs istiod, remote uses another's.")
    primary: Name | None = Field(
        None, description="For a remote: the cluster whose istiod it uses."
    )
    region: Name | None = Field(None, description="Value of topology.kubernetes.io/region.")
    nodes: tuple[NodeSpec, ...] = Field((NodeSpec(),), min_length=1, max_length=8)
    pods: str | None = Field(None, description="Pod range (a /16 .. /22); planned if absent.")
    services: str | None = Field(None, description="Service range; planned if absent.")


class Topology(_Declared):
    """A complete declaration of networks and the clusters on them.

    Well-formed parts can still contradict each other; ``harness.files`` runs
    :func:`harness.model.consistency.problems` over every topology it reads.
    """

    name: Name = Field(description="The same as the file's stem; the value of --topology.")
    title: str = Field(description="One line for listings and reports.")
    mesh_id: Name = Field("mesh1", description="Value of values.global.meshID.")
    trust_domain: str = Field("cluster.local", description="Trust domain of every identity.")
    networks: tuple[NetworkSpec, ...] = Field(min_length=1)
    clusters: tuple[ClusterSpec, ...] = Field(min_length=1)

    @property
    def primaries(self) -> tuple[ClusterSpec, ...]:
        """The clusters that run a control plane, in declared order."""
        return tuple(c for c in self.clusters if c.role is Role.PRIMARY)

    def cluster(self, name: str) -> ClusterSpec:
        """Return the cluster called ``name``."""
        return next(cluster for cluster in self.clusters if cluster.name == name)

    @property
    def offers(self) -> frozenset[str]:
        """Structural needs (as the catalogue names them) that this topology satisfies."""
        offered: set[str] = set()
        if len(self.clusters) > 1:
            offered.add("two-clusters")
        networks = {cluster.network for cluster in self.clusters}
        if len(networks) > 1:
            offered |= {"two-networks", "gateway"}
        if len(networks) < len(self.clusters):
            offered.add("single-network")
        if len(self.primaries) > 1:
            offered.add("two-primaries")
        return frozenset(offered)
