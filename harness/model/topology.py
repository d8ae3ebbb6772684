"""What a lab should look like, as declared in ``topologies/*.yaml``: networks, clusters, meshes.

Only what is unusual needs words: a file of networks and clusters is one mesh of primaries. What
follows from a declaration (control planes, gateways, who reads whom) is in
:mod:`harness.model.structure`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

#: A DNS label: cluster and network names end up in Kubernetes labels and file names.
Name = Annotated[str, StringConstraints(pattern=r"^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$")]
#: A DNS name: trust domains and cluster domains.
Domain = Annotated[
    str,
    StringConstraints(
        pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*$"
    ),
]
#: A version of Istio or Kubernetes, as ``--mesh-version`` and ``--kubernetes-version`` take it.
Version = Annotated[str, StringConstraints(pattern=r"^v?[0-9][0-9A-Za-z.+_-]{0,62}$")]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


#: One name or a list of names.
Names = Annotated[tuple[Name, ...], BeforeValidator(_listed)]


class Role(StrEnum):
    """What a cluster contributes to a mesh."""

    PRIMARY = "primary"
    REMOTE = "remote"
    EXTERNAL = "external"


class DataPlane(StrEnum):
    """How workloads get into the mesh."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSpec(_Declared):
    """A network as Istio knows it: whatever carries its name reaches whatever else does."""

    name: Name = Field(description="Value of topology.istio.io/network for everything on it.")
    cidr: str | None = Field(
        None, description="Range of node and gateway addresses (a /16 to /25); planned if absent."
    )
    segment: Name | None = Field(
        None,
        description="The routing domain that it is part of: networks of one segment route to each "
        "other's pods although they have different names. Absent: one of its own.",
    )


class NodeSpec(_Declared):
    """One Kubernetes node."""

    zone: Name | None = Field(None, description="Value of topology.kubernetes.io/zone.")
    region: Name | None = Field(
        None, description="Value of topology.kubernetes.io/region; absent: that of the cluster."
    )


class ClusterSpec(_Declared):
    """A Kubernetes cluster attached to one network."""

    name: Name = Field(description="Value of values.global.multiCluster.clusterName.")
    network: Name = Field(description="The network its nodes and pods are on.")
    role: Role = Field(
        Role.PRIMARY,
        description="primary runs istiod, remote uses another's, external hosts a control plane "
        "of other clusters and is no member of a mesh.",
    )
    primary: Names = Field(
        (),
        description="For a remote: the cluster, or clusters, whose istiod it uses; not needed "
        "where a control plane names it in 'serves'.",
    )
    mesh: Name | None = Field(None, description="The mesh that it is part of, if there are several")
    region: Name | None = Field(None, description="Value of topology.kubernetes.io/region.")
    nodes: tuple[NodeSpec, ...] = Field((NodeSpec(),), min_length=1, max_length=8)
    pods: str | None = Field(None, description="Pod range (a /8 to /21); planned if absent.")
    services: str | None = Field(
        None, description="Service range (a /12 to /24); planned if absent."
    )
    domain: Domain = Field("cluster.local", description="The cluster's DNS domain.")
    kubernetes: Version | None = Field(
        None, description="Version of Kubernetes; absent: --kubernetes-version."
    )


class ExportSpec(_Declared):
    """A service that a mesh offers to other meshes."""

    host: str = Field(
        pattern=r"^[a-z][-a-z0-9]*\.[a-z][-a-z0-9]*$", description="NAME.NAMESPACE of the Service."
    )
    port: int = Field(5000, ge=1, le=65535, description="The port of it that serves HTTP.")
    to: Names = Field((), description="The meshes that may use it; absent: every other one.")


class CertificateAuthority(StrEnum):
    """Where the authority of a control plane comes from."""

    PLUGGED = "plugged"
    SELF_SIGNED = "self-signed"


class MeshSpec(_Declared):
    """A mesh: what shares one mesh ID."""

    id: Name = Field(description="Value of values.global.meshID.")
    trust_domain: Domain = Field("cluster.local", description="Trust domain of its identities.")
    root: Name | None = Field(
        None, description="The root that its authorities hang from; absent: one of its own."
    )
    ca: CertificateAuthority = Field(
        CertificateAuthority.PLUGGED,
        description="plugged: an intermediate of its root; self-signed: a root of istiod's making.",
    )
    dns_capture: bool = Field(
        default=False, description="Whether its proxies answer DNS unless a pod says otherwise."
    )
    trusts: Names = Field((), description="Other meshes whose roots it accepts as well.")
    exports: tuple[ExportSpec, ...] = Field((), description="What it offers to other meshes.")


class ControlPlaneSpec(_Declared):
    """An istiod, or several replicas of one; only unusual ones need to be declared."""

    name: Name = Field(description="What reports call it.")
    cluster: Name = Field(description="The cluster that it runs in.")
    namespace: Name = Field("istio-system", description="The namespace that it runs in.")
    revision: Name | None = Field(None, description="Its istio.io/rev.")
    root_namespace: Name | None = Field(
        None, description="The namespace of mesh-wide policies; absent: the one that it runs in."
    )
    mesh: Name | None = Field(None, description="Its mesh, if there are several.")
    config_cluster: Name | None = Field(
        None, description="The cluster whose API server it takes configuration from."
    )
    serves: Names = Field(
        (), description="The clusters whose proxies it configures; absent: its own."
    )
    namespaces: Mapping[str, str] | None = Field(
        None, description="Labels (discovery selectors) of the namespaces that it serves."
    )
    reads: Names | None = Field(
        None,
        description="Other clusters whose API servers it reads; absent: all of its mesh.",
    )
    replicas: int = Field(1, ge=1, le=5, description="How many istiods it consists of.")
    trust_domain: Domain | None = Field(
        None, description="Trust domain of what it signs; absent: that of its mesh."
    )
    version: Version | None = Field(
        None, description="Version of the mesh; absent: --mesh-version."
    )


#: The hosts of a gateway that exposes every service.
ALL_HOSTS = ("*.local",)


class GatewayServiceType(StrEnum):
    """How the Service of a gateway gets its address."""

    LOAD_BALANCER = "LoadBalancer"
    NODE_PORT = "NodePort"
    CLUSTER_IP = "ClusterIP"


class GatewayAddress(StrEnum):
    """What a load balancer gives to the Service of a gateway, as clouds differ in it."""

    IP = "ip"
    SEVERAL_IPS = "several-ips"
    HOSTNAME = "hostname"
    DUAL_STACK = "dual-stack"


class GatewaySpec(_Declared):
    """An east-west gateway; where a topology lists any, it has those and no others."""

    cluster: Name = Field(description="The cluster that it runs in.")
    name: Name = Field("istio-eastwestgateway", description="Name of Deployment and Service.")
    namespace: Name | None = Field(None, description="Absent: that of the control plane.")
    network: Name | None = Field(
        None, description="The network that it leads into; absent: that of its cluster."
    )
    labels: Mapping[str, str] = Field(
        {"istio": "eastwestgateway"}, description="What Gateway objects select it by."
    )
    class_name: Name | None = Field(
        None,
        alias="class",
        description="The GatewayClass of a Gateway API gateway; absent: it is a Deployment that"
        " Istio's own Gateway objects select.",
    )
    type: GatewayServiceType = Field(
        GatewayServiceType.LOAD_BALANCER, description="Type of its Service."
    )
    address: GatewayAddress = Field(
        GatewayAddress.IP,
        description="What its load balancer gives it: an address, two, a name, or one of IPv4 and"
        " one of IPv6.",
    )
    seen_from: Mapping[Name, Literal["first", "second"]] = Field(
        {},
        description="By the network of clients: which of its two addresses they are told of, by"
        " meshNetworks of their control planes; others are told of both.",
    )
    port: int = Field(
        15443, ge=1, le=65535, description="The port by which other networks reach services."
    )
    replicas: int = Field(1, ge=0, le=5, description="How many pods it has.")
    exposes: tuple[Literal["services", "istiod"], ...] = Field(
        ("services",), description="What may be reached through it."
    )
    hosts: tuple[str, ...] = Field(ALL_HOSTS, description="Which services: hosts, or wildcards.")

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class MachineSpec(_Declared):
    """A host that is no node of any cluster and runs a workload of a mesh (a VM)."""

    name: Name = Field(description="Its host name.")
    network: Name = Field(description="The network that it is on.")
    cluster: Name = Field(description="The cluster whose namespace and account it belongs to.")
    namespace: Name = Field("vm", description="The namespace of its WorkloadGroup.")
    account: Name = Field("vm", description="The ServiceAccount that it acts as.")
    group: Name | None = Field(None, description="Its WorkloadGroup; absent: called like it.")


class Topology(_Declared):
    """A complete declaration of networks and what is on them.

    Well-formed parts can still contradict each other; ``harness.files`` runs
    :func:`harness.model.consistency.problems` over every topology it reads.
    """

    name: Name = Field(description="The same as the file's stem; the value of --topology.")
    title: str = Field(description="One line for listings and reports.")
    mesh_id: Name = Field("mesh1", description="Value of values.global.meshID of the only mesh.")
    trust_domain: Domain = Field("cluster.local", description="Trust domain of the only mesh.")
    data_plane: DataPlane = Field(DataPlane.SIDECAR, description="How workloads get in.")
    links: Literal["all", "none"] = Field(
        "all", description="none: no control plane reads another cluster's API server."
    )
    meshes: tuple[MeshSpec, ...] = Field((), description="The meshes, if there are several.")
    networks: tuple[NetworkSpec, ...] = Field(min_length=1)
    clusters: tuple[ClusterSpec, ...] = Field(min_length=1)
    control_planes: tuple[ControlPlaneSpec, ...] = Field(
        (), description="Control planes that are not simply one per primary."
    )
    gateways: tuple[GatewaySpec, ...] | None = Field(
        None, description="East-west gateways; absent: those that the guides ask for."
    )
    machines: tuple[MachineSpec, ...] = Field((), description="Machines beside the clusters.")

    @property
    def primaries(self) -> tuple[ClusterSpec, ...]:
        """The clusters that run a control plane of their own, in declared order."""
        return tuple(c for c in self.clusters if c.role is Role.PRIMARY)

    @property
    def members(self) -> tuple[ClusterSpec, ...]:
        """The clusters that hold workloads of a mesh: all but those that only host."""
        return tuple(c for c in self.clusters if c.role is not Role.EXTERNAL)

    @property
    def declares(self) -> frozenset[str]:
        """What it declares beside its structure, as the catalogue names such needs."""
        regions = [node.region or c.region for c in self.members for node in c.nodes]
        return frozenset({"locality-labels"} if all(regions) else ())

    def __hash__(self) -> int:
        """Return a hash although labels have none: what follows from a topology is cached."""
        return hash(self.name)

    def cluster(self, name: str) -> ClusterSpec:
        """Return the cluster called ``name``."""
        return next(cluster for cluster in self.clusters if cluster.name == name)

    def network(self, name: str) -> NetworkSpec:
        """Return the network called ``name``."""
        return next(network for network in self.networks if network.name == name)

    def segment(self, network: str) -> str:
        """Return the routing domain of a network: its own name where none is declared."""
        return self.network(network).segment or network
