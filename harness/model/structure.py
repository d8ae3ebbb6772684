"""What follows from a topology: its meshes, control planes, gateways, and how two members relate.

Pure. A topology that contradicts itself (:mod:`harness.model.consistency`) may make these raise
:class:`KeyError`; one that was read by ``harness.files`` does not. What is asked for again and
again is worked out once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address

from harness.model.topology import (
    ALL_HOSTS,
    CertificateAuthority,
    ClusterSpec,
    ControlPlaneSpec,
    DataPlane,
    GatewayServiceType,
    GatewaySpec,
    MeshSpec,
    Role,
    Topology,
)

#: Where a control plane runs unless it says otherwise.
SYSTEM = "istio-system"
#: By which Istio's controller of the Gateway API selects the pods of a gateway that it deploys.
GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
#: The class of gateways by which ambient meshes cross networks, and their port.
EAST_WEST_CLASS, HBONE_PORT = "istio-east-west", 15008
#: Where in a list of two addresses these are.
_ORDER = {"first": slice(0, 1), "second": slice(1, 2)}
#: The first of the virtual addresses of imported services: reserved (RFC 1112), and beside those
#: that Istio allocates by itself (240.240.0.0/16).
_IMPORTED = IPv4Address("240.241.0.1")


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """An istiod (in ``replicas``): where it runs, what it serves, what it reads.

    ``config_cluster`` is the cluster whose API server it takes configuration from (and whose
    name is its CLUSTER_ID); ``reads`` are the other clusters whose API servers it watches;
    ``root_namespace`` is that of mesh-wide policies; ``namespaces`` are the labels of the
    namespaces that it serves, empty for all;
    ``root`` names the root that its authority hangs from, unless that is ``self_signed``;
    ``version`` is empty for the default; by ``dns_capture`` proxies answer DNS; ``domain`` is that
    of the clusters which it serves.
    """

    name: str
    cluster: str
    mesh: str
    trust_domain: str
    root: str
    serves: tuple[str, ...]
    config_cluster: str
    reads: tuple[str, ...] = ()
    namespace: str = SYSTEM
    root_namespace: str = SYSTEM
    revision: str = ""
    namespaces: Mapping[str, str] = field(default_factory=dict)
    replicas: int = 1
    version: str = ""
    self_signed: bool = False
    dns_capture: bool = False
    domain: str = "cluster.local"

    @property
    def external(self) -> bool:
        """Whether it runs in a cluster that it takes no configuration from."""
        return self.cluster != self.config_cluster


@dataclass(frozen=True, slots=True)
class Gateway:
    """An east-west gateway of a cluster into ``network``; fields as :class:`GatewaySpec` has.

    One with a ``class_name`` is an object of the Gateway API, called ``name``, whose controller
    deploys what ``labels`` select.
    """

    cluster: str
    network: str
    name: str
    namespace: str
    labels: Mapping[str, str]
    class_name: str
    type: str
    address: str
    port: int
    replicas: int
    exposes: frozenset[str]
    hosts: tuple[str, ...]
    seen_from: Mapping[str, str] = field(default_factory=dict)

    @property
    def workload(self) -> str:
        """The name of its Deployment and Service, as Istio's controller calls those it makes."""
        return f"{self.name}-{self.class_name}" if self.class_name == "istio" else self.name

    def told(self, addresses: Sequence[str], network: str) -> Sequence[str]:
        """Return those of its ``addresses`` that clients on a network are told of."""
        which = self.seen_from.get(network)
        return addresses if which is None else addresses[_ORDER[which]]


@dataclass(frozen=True, slots=True)
class Import:
    """A service of another mesh that a mesh may use: ``host`` (NAME.NAMESPACE) of ``exporter``.

    ``address`` is a virtual one, of this service alone; ``port`` is its port for HTTP.
    """

    host: str
    exporter: str
    port: int
    address: str

    @property
    def domain(self) -> str:
        """What follows NAME.NAMESPACE in the name by which other meshes know it."""
        return f"svc.{self.exporter}.global"

    @property
    def name(self) -> str:
        """The name by which other meshes know it: it tells whose it is."""
        return f"{self.host}.{self.domain}"


@dataclass(frozen=True, slots=True)
class Member:
    """A cluster or a machine, as far as it takes part in a mesh."""

    name: str
    network: str
    mesh: str
    cluster: str
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """How ``source`` sees ``target``, two members of a topology.

    ``routable``: the fabric carries packets between their addresses. ``linked``: a control plane
    that serves the source reads the target's API server, so that its endpoints are known there.
    ``federated``: they are of two meshes, of which the target's exports something to the source's.
    """

    same_network: bool
    routable: bool
    same_control_plane: bool
    same_mesh: bool
    linked: bool
    federated: bool

    def __str__(self) -> str:
        """Say it in a few words, as reports and selections group pairs."""
        if not self.same_mesh:
            return "other mesh, federated" if self.federated else "other mesh"
        network = "one network" if self.same_network else "two networks"
        plane = "one control plane" if self.same_control_plane else "two control planes"
        routed = [] if self.same_network == self.routable else ["routed"]
        return ", ".join([network, plane, *routed, *([] if self.linked else ["unlinked"])])


class PairKind(StrEnum):
    """What a requirement may demand of the pair of members that it is asked of."""

    LINKED = "linked"
    UNLINKED = "unlinked"
    SAME_NETWORK = "same-network"
    OTHER_NETWORK = "other-network"
    ISOLATED = "isolated"
    ROUTED = "routed"
    SAME_CONTROL_PLANE = "same-control-plane"
    OTHER_CONTROL_PLANE = "other-control-plane"
    OTHER_MESH = "other-mesh"
    FEDERATED = "federated"

    def holds(self, relation: Relation) -> bool:
        """Say whether a pair of this ``relation`` is of this kind."""
        inside = relation.same_mesh and relation.linked
        return {
            PairKind.LINKED: inside,
            PairKind.UNLINKED: relation.same_mesh and not relation.linked,
            PairKind.SAME_NETWORK: inside and relation.same_network,
            PairKind.OTHER_NETWORK: inside and not relation.same_network,
            PairKind.ISOLATED: inside and not relation.routable,
            PairKind.ROUTED: inside and relation.routable and not relation.same_network,
            PairKind.SAME_CONTROL_PLANE: inside and relation.same_control_plane,
            PairKind.OTHER_CONTROL_PLANE: inside and not relation.same_control_plane,
            PairKind.OTHER_MESH: not relation.same_mesh,
            PairKind.FEDERATED: relation.federated,
        }[self]


def meshes(topology: Topology) -> tuple[MeshSpec, ...]:
    """Return the meshes, each with its root named; one that is not declared is made up."""
    declared = topology.meshes or (
        MeshSpec(id=topology.mesh_id, trust_domain=topology.trust_domain),
    )
    return tuple(each.model_copy(update={"root": each.root or each.id}) for each in declared)


def mesh(topology: Topology, identifier: str) -> MeshSpec:
    """Return the mesh with this ID."""
    return next(each for each in meshes(topology) if each.id == identifier)


def mesh_of(topology: Topology, cluster: str) -> str:
    """Return the ID of the mesh that a cluster is part of (an external one: of what it hosts)."""
    spec = topology.cluster(cluster)
    if spec.mesh:
        return spec.mesh
    hosted = [each.mesh for each in topology.control_planes if each.cluster == cluster]
    return next(filter(None, hosted), None) or meshes(topology)[0].id


@lru_cache(maxsize=64)
def control_planes(topology: Topology) -> tuple[ControlPlane, ...]:
    """Return every control plane: those declared, then one per primary that has none declared."""
    declared = {each.cluster for each in topology.control_planes}
    implied = (
        ControlPlaneSpec(name=cluster.name, cluster=cluster.name)
        for cluster in topology.primaries
        if cluster.name not in declared
    )
    return tuple(_resolved(topology, each) for each in (*topology.control_planes, *implied))


def control_planes_of(topology: Topology, cluster: str) -> tuple[ControlPlane, ...]:
    """Return the control planes that serve a cluster, the first to be asked first."""
    return tuple(each for each in control_planes(topology) if cluster in each.serves)


def _resolved(topology: Topology, spec: ControlPlaneSpec) -> ControlPlane:
    identifier = spec.mesh or mesh_of(topology, spec.cluster)
    own = mesh(topology, identifier)
    serves = spec.serves or _served(topology, spec.cluster)
    config = spec.config_cluster or (spec.cluster if spec.cluster in serves else serves[0])
    return ControlPlane(
        name=spec.name,
        cluster=spec.cluster,
        mesh=identifier,
        trust_domain=spec.trust_domain or own.trust_domain,
        root=own.root or own.id,
        serves=serves,
        config_cluster=config,
        reads=_read(topology, spec, identifier, config, serves),
        namespace=spec.namespace,
        root_namespace=spec.root_namespace or spec.namespace,
        revision=spec.revision or "",
        namespaces=dict(spec.namespaces or {}),
        replicas=spec.replicas,
        version=spec.version or "",
        self_signed=own.ca is CertificateAuthority.SELF_SIGNED,
        dns_capture=own.dns_capture,
        domain=topology.cluster(config).domain,
    )


def _served(topology: Topology, cluster: str) -> tuple[str, ...]:
    remotes = (c.name for c in topology.clusters if cluster in c.primary)
    return (cluster, *remotes)


def _read(
    topology: Topology,
    spec: ControlPlaneSpec,
    identifier: str,
    config: str,
    serves: tuple[str, ...],
) -> tuple[str, ...]:
    if spec.reads is not None:
        return spec.reads
    if topology.links == "none":
        return tuple(name for name in serves if name != config)
    return tuple(
        cluster.name
        for cluster in topology.members
        if cluster.name != config and mesh_of(topology, cluster.name) == identifier
    )


@lru_cache(maxsize=64)
def members(topology: Topology) -> tuple[Member, ...]:
    """Return the clusters that hold workloads, then the machines."""
    clusters = (
        Member(c.name, c.network, mesh_of(topology, c.name), c.name) for c in topology.members
    )
    machines = (
        Member(m.name, m.network, mesh_of(topology, m.cluster), m.cluster, machine=True)
        for m in topology.machines
    )
    return (*clusters, *machines)


@lru_cache(maxsize=2048)
def relation(topology: Topology, source: str, target: str) -> Relation:
    """Return how the member called ``source`` sees the one called ``target``."""
    known = {member.name: member for member in members(topology)}
    here, there = known[source], known[target]
    serving = control_planes_of(topology, here.cluster)
    others = control_planes_of(topology, there.cluster)
    return Relation(
        same_network=here.network == there.network,
        routable=topology.segment(here.network) == topology.segment(there.network),
        same_control_plane=bool({each.name for each in serving} & {each.name for each in others}),
        same_mesh=here.mesh == there.mesh,
        linked=any(there.cluster in (each.config_cluster, *each.reads) for each in serving),
        federated=here.mesh != there.mesh and _exports(topology, there.mesh, here.mesh),
    )


def _exports(topology: Topology, exporter: str, importer: str) -> bool:
    offered = mesh(topology, exporter).exports
    return any(not export.to or importer in export.to for export in offered)


def imports(topology: Topology, importer: str) -> tuple[Import, ...]:
    """Return what the other meshes offer to the mesh ``importer``."""
    offered = ((each, export) for each in meshes(topology) for export in each.exports)
    return tuple(
        Import(export.host, exporter.id, export.port, str(_IMPORTED + number))
        for number, (exporter, export) in enumerate(offered)
        if exporter.id != importer and (not export.to or importer in export.to)
    )


def relations(topology: Topology) -> Iterator[tuple[str, str, Relation]]:
    """Yield every ordered pair of clusters that hold workloads, with its relation."""
    names = [cluster.name for cluster in topology.members]
    for source in names:
        for target in names:
            if source != target:
                yield source, target, relation(topology, source, target)


@lru_cache(maxsize=64)
def gateways(topology: Topology) -> tuple[Gateway, ...]:
    """Return the east-west gateways: those declared, or else those that the guides ask for.

    These are one per cluster where a mesh spans several networks, and one where a control plane
    runs that other clusters or machines must reach.
    """
    if topology.gateways is not None:
        return tuple(_gateway(topology, each) for each in topology.gateways)
    return tuple(_implied(topology))


def gateways_of(topology: Topology, cluster: str) -> tuple[Gateway, ...]:
    """Return the east-west gateways that run in a cluster."""
    return tuple(each for each in gateways(topology) if each.cluster == cluster)


def exporting_gateways(topology: Topology, identifier: str) -> tuple[Gateway, ...]:
    """Return the gateways by which other meshes reach services of a mesh: those with an address."""
    return tuple(
        each
        for each in gateways(topology)
        if "services" in each.exposes
        and each.type == GatewayServiceType.LOAD_BALANCER
        and mesh_of(topology, each.cluster) == identifier
    )


def _implied(topology: Topology) -> Iterator[Gateway]:
    for cluster in topology.clusters:
        hosts = _exposed(topology, cluster)
        exposes = [
            *(["services"] if hosts else []),
            *(["istiod"] if _serves_elsewhere(topology, cluster.name) else []),
        ]
        if exposes:
            spec = GatewaySpec(cluster=cluster.name, exposes=tuple(exposes))
            if topology.data_plane is DataPlane.AMBIENT:
                spec = spec.model_copy(update={"class_name": EAST_WEST_CLASS, "port": HBONE_PORT})
            if hosts:
                spec = spec.model_copy(update={"hosts": hosts})
            yield _gateway(topology, spec)


def _exposed(topology: Topology, cluster: ClusterSpec) -> tuple[str, ...]:
    """Return the hosts that others must reach in a cluster: of another mesh, those exported."""
    if cluster.role is Role.EXTERNAL:
        return ()
    own = mesh_of(topology, cluster.name)
    if spans_networks(topology, own):
        return ALL_HOSTS
    others = {member.mesh for member in members(topology)} - {own}
    offered = (
        each.host for each in mesh(topology, own).exports if not each.to or others & {*each.to}
    )
    return tuple(f"{host}.svc.{cluster.domain}" for host in offered) if others else ()


def spans_networks(topology: Topology, identifier: str) -> bool:
    """Say whether the members of a mesh are on several networks."""
    return len({each.network for each in members(topology) if each.mesh == identifier}) > 1


def _serves_elsewhere(topology: Topology, cluster: str) -> bool:
    served = {
        name for each in control_planes(topology) if each.cluster == cluster for name in each.serves
    }
    return bool(served - {cluster}) or any(m.cluster in served for m in topology.machines)


def _gateway(topology: Topology, spec: GatewaySpec) -> Gateway:
    serving = control_planes_of(topology, spec.cluster)
    return Gateway(
        cluster=spec.cluster,
        network=spec.network or topology.cluster(spec.cluster).network,
        name=spec.name,
        namespace=spec.namespace or (serving[0].namespace if serving else SYSTEM),
        labels={GATEWAY_NAME_LABEL: spec.name} if spec.class_name else dict(spec.labels),
        class_name=spec.class_name or "",
        type=str(spec.type),
        address=str(spec.address),
        port=spec.port,
        replicas=spec.replicas,
        exposes=frozenset(spec.exposes),
        hosts=spec.hosts,
        seen_from=dict(spec.seen_from),
    )
