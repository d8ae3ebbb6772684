"""Who installs what: the parts of an installation in every cluster, from a topology alone."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.meshes.base import (
    GATEWAY_API,
    ISTIOD_GATEWAY,
    PASSTHROUGH_PORT,
    MeshShape,
    shape_of,
)
from harness.model import ControlPlane, Gateway, Import, Topology, structure
from harness.model.topology import DataPlane

#: The Gateway object of a cluster, as the guides call it.
_EXPOSURE = "cross-network-gateway"


class Part(StrEnum):
    """What an installation is, in its cluster."""

    #: A control plane, in a cluster that it takes configuration from.
    PRIMARY = "primary"
    #: What a cluster needs to be served by control planes that run elsewhere.
    REMOTE = "remote"
    #: A control plane, in a cluster that is no member of its mesh.
    EXTERNAL = "external"
    #: A control plane of such a cluster's own, for the gateway in front of an external one.
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Way:
    """A gateway by which an istiod, or what a mesh exports, is reached from elsewhere."""

    cluster: str
    namespace: str
    gateway: str
    port: int = PASSTHROUGH_PORT
    domain: str = "cluster.local"


@dataclass(frozen=True, slots=True)
class Anchor:
    """The root of another mesh that is trusted, and the trust domains that hang from it."""

    root: str
    trust_domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """A service of another mesh, and the gateways by which it is reached."""

    service: Import
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class KnownGateway:
    """A gateway that an istiod is told of by ``meshNetworks``, as clients on ``seen_from`` see it.

    ``members`` are the clusters on the network that it leads into.
    """

    gateway: Gateway
    members: tuple[str, ...]
    seen_from: str


@dataclass(frozen=True, slots=True)
class Exposure:
    """A Gateway object: which services, or which ``istiods``, are reached through a gateway.

    That of a gateway of the Gateway API is the gateway itself, for all that is reached by it.
    """

    name: str
    gateway: Gateway
    istiods: tuple[ControlPlane, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterInstall:
    """What one cluster gets on behalf of ``plane``, in ``version``, with east-west gateways.

    ``data_plane`` is how workloads get in.
    ``name`` tells it from others of the same installation. ``aliases`` are the trust domains of
    other control planes whose workloads are let in: of the same mesh, and of meshes that it
    trusts, whose roots are ``anchors``. ``imports`` are services of others that it makes known.
    ``ways`` lead a remote to its istiods, which know themselves by the names of ``leaders``.
    ``told`` are gateways that its istiod does not find by a label.
    ``exposures`` are the Gateway objects that its API server holds; ``exposure`` is what the one
    of its first gateway is called, wherever that is.
    """

    name: str
    part: Part
    cluster: str
    network: str
    plane: ControlPlane
    version: str
    data_plane: DataPlane = DataPlane.SIDECAR
    gateways: tuple[Gateway, ...] = ()
    aliases: tuple[str, ...] = ()
    anchors: tuple[Anchor, ...] = ()
    imports: tuple[Imported, ...] = ()
    ways: tuple[Way, ...] = ()
    leaders: tuple[str, ...] = ()
    told: tuple[KnownGateway, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    exposure: str = _EXPOSURE

    @property
    def shape(self) -> MeshShape:
        """The names by which all of it is found."""
        own = shape_of(self.plane)
        return self._with_gateway(own, self.gateways[0]) if self.gateways else own

    @property
    def runs_istiod(self) -> bool:
        """Whether a control plane runs in the cluster because of it."""
        return self.part is not Part.REMOTE

    @property
    def configured_here(self) -> bool:
        """Whether the cluster's API server supplies the configuration of ``plane``."""
        return self.plane.config_cluster == self.cluster

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace that is made for it, that of the control plane first."""
        own = (self.plane.namespace, self.plane.root_namespace)
        opened = (each.gateway.namespace for each in self.exposures)
        return tuple(dict.fromkeys([*own, *(each.namespace for each in self.gateways), *opened]))

    def _with_gateway(self, shape: MeshShape, gateway: Gateway) -> MeshShape:
        return replace(
            shape,
            gateway=gateway.workload,
            gateway_namespace=gateway.namespace,
            gateway_pods=",".join(f"{key}={value}" for key, value in gateway.labels.items()),
            gateway_port=gateway.port,
            exposure=self.exposure,
            exposure_kind=GATEWAY_API if gateway.class_name else shape.exposure_kind,
        )


@dataclass(frozen=True, slots=True)
class InstallPlan:
    """A whole installation, clusters in the topology's order."""

    clusters: tuple[ClusterInstall, ...]

    def cluster(self, name: str) -> ClusterInstall:
        """Return what the cluster called ``name`` gets: of a host, the control plane for others."""
        own = [each for each in self.clusters if each.cluster == name]
        return next((each for each in own if each.part is not Part.HOST), own[0])

    @property
    def shapes(self) -> Mapping[str, MeshShape]:
        """The names by which the mesh is found in each cluster."""
        names = dict.fromkeys(each.cluster for each in self.clusters)
        return {name: self.cluster(name).shape for name in names}


def plan_install(topology: Topology, version: Callable[[str], str] = str) -> InstallPlan:
    """Apply the recipes of the documentation to ``topology``.

    ``version`` returns which version a control plane gets that asks for one, or for none ("").
    """
    return InstallPlan(tuple(_Planner(topology, version).all()))


class _Planner:
    """Applies the recipes to one topology."""

    def __init__(self, topology: Topology, version: Callable[[str], str]) -> None:
        self._topology = topology
        self._version = version
        self._planes = structure.control_planes(topology)
        self._exposures = dict(_service_exposures(topology))

    def all(self) -> Iterator[ClusterInstall]:
        for cluster in self._topology.clusters:
            yield from self._of(cluster.name)

    def _of(self, cluster: str) -> Iterator[ClusterInstall]:
        own = [each for each in self._planes if each.cluster == cluster]
        gateways = structure.gateways_of(self._topology, cluster)
        if not own:
            yield self._remote(cluster, gateways)
            return
        if all(plane.external for plane in own):
            yield self._install(cluster, Part.HOST, _host(cluster), gateways, cluster)
            gateways = ()
        for plane in own:
            part = Part.EXTERNAL if plane.external else Part.PRIMARY
            alone = len(own) == 1 and part is Part.PRIMARY
            name = cluster if alone else f"{cluster}/{plane.name}"
            yield self._install(cluster, part, plane, gateways, name)
            gateways = ()

    def _remote(self, cluster: str, gateways: tuple[Gateway, ...]) -> ClusterInstall:
        serving = structure.control_planes_of(self._topology, cluster)
        install = self._install(cluster, Part.REMOTE, serving[0], gateways, cluster)
        return replace(
            install,
            ways=tuple(way for plane in serving for way in self._ways(plane)),
            leaders=tuple(dict.fromkeys(plane.config_cluster for plane in serving)),
        )

    def _install(
        self,
        cluster: str,
        part: Part,
        plane: ControlPlane,
        gateways: tuple[Gateway, ...],
        name: str,
    ) -> ClusterInstall:
        known = [name for name, gateway in self._named() if gateway in gateways]
        trusted = self._trusted(plane)
        return ClusterInstall(
            name=name,
            part=part,
            cluster=cluster,
            network=self._topology.cluster(cluster).network,
            plane=plane,
            version=self._version(plane.version),
            data_plane=self._topology.data_plane,
            gateways=gateways,
            aliases=_aliases(plane, trusted),
            anchors=tuple(_anchors(plane, trusted)),
            imports=tuple(self._imports(cluster, part, plane)),
            told=tuple(self._told(part, plane)),
            exposures=tuple(self._held(cluster, part, plane, gateways)),
            exposure=known[0] if known else _EXPOSURE,
        )

    def _held(
        self, cluster: str, part: Part, plane: ControlPlane, gateways: tuple[Gateway, ...]
    ) -> Iterator[Exposure]:
        """Yield what the API server of a cluster holds because of ``plane`` or its gateways."""
        istiods = tuple(each for each in self._planes if each.cluster == cluster)
        if part in (Part.PRIMARY, Part.REMOTE) and plane.config_cluster == cluster:
            exposed = (each for each in self._exposures[plane.name] if not each.gateway.class_name)
            yield from exposed
        for number, gateway in enumerate(each for each in gateways if "istiod" in each.exposes):
            if not gateway.class_name:
                name = ISTIOD_GATEWAY if number == 0 else f"{ISTIOD_GATEWAY}-{gateway.name}"
                yield Exposure(name, gateway, istiods)
        for gateway in gateways:
            if gateway.class_name:
                own = istiods if "istiod" in gateway.exposes else ()
                yield Exposure(gateway.name, gateway, own)

    def _told(self, part: Part, plane: ControlPlane) -> Iterator[KnownGateway]:
        """Yield the gateways of which other clients are told otherwise than those of ``plane``."""
        if part not in (Part.PRIMARY, Part.EXTERNAL):
            return
        topology = self._topology
        seen_from = topology.cluster(plane.serves[0]).network
        known = {*plane.serves, *plane.reads}
        for gateway in structure.gateways(topology):
            if gateway.seen_from and gateway.cluster in known:
                there = (each.name for each in topology.clusters if each.network == gateway.network)
                yield KnownGateway(gateway, tuple(there), seen_from)

    def _trusted(self, plane: ControlPlane) -> list[ControlPlane]:
        """Return the control planes whose workloads those of ``plane`` let in: all of its mesh."""
        known = {each.id: each for each in structure.meshes(self._topology)}
        trusts = known[plane.mesh].trusts if plane.mesh in known else ()  # no host is of a mesh
        return [each for each in self._planes if each.mesh in (plane.mesh, *trusts)]

    def _imports(self, cluster: str, part: Part, plane: ControlPlane) -> Iterator[Imported]:
        """Yield what the API server of a cluster holds of other meshes' services."""
        if part in (Part.PRIMARY, Part.REMOTE) and plane.config_cluster == cluster:
            for service in structure.imports(self._topology, plane.mesh):
                yield Imported(service, tuple(self._ways_to(service)))

    def _ways_to(self, service: Import) -> Iterator[Way]:
        for gateway in structure.exporting_gateways(self._topology, service.exporter):
            domain = self._topology.cluster(gateway.cluster).domain
            yield Way(gateway.cluster, gateway.namespace, gateway.workload, gateway.port, domain)

    def _named(self) -> Iterator[tuple[str, Gateway]]:
        for exposures in self._exposures.values():
            yield from ((each.name, each.gateway) for each in exposures)

    def _ways(self, plane: ControlPlane) -> Iterator[Way]:
        for gateway in structure.gateways_of(self._topology, plane.cluster):
            if "istiod" in gateway.exposes:
                yield Way(plane.cluster, gateway.namespace, gateway.workload)


def _host(cluster: str) -> ControlPlane:
    """Return the control plane that a cluster has for the gateway in front of external ones."""
    return ControlPlane(
        name=cluster,
        cluster=cluster,
        mesh=f"host-{cluster}",
        trust_domain="cluster.local",
        root=f"host-{cluster}",
        serves=(cluster,),
        config_cluster=cluster,
    )


def _service_exposures(topology: Topology) -> Iterator[tuple[str, tuple[Exposure, ...]]]:
    """Yield the names of control planes, and which services are exposed on behalf of each.

    One Gateway object serves all gateways that it selects: those of other clusters of the same
    control plane too, if they have the same names and serve the same hosts.
    """
    for plane in structure.control_planes(topology):
        found: list[Exposure] = []
        for cluster in plane.serves:
            served = structure.gateways_of(topology, cluster)
            for number, gateway in enumerate(g for g in served if "services" in g.exposes):
                name = _EXPOSURE if number == 0 else f"{_EXPOSURE}-{gateway.name}"
                found.append(Exposure(_free(name, gateway, found), gateway))
        yield plane.name, tuple(found)


def _free(name: str, gateway: Gateway, taken: list[Exposure]) -> str:
    """Return ``name``, or a longer one where another gateway's object is called so."""
    if gateway.class_name:
        return gateway.name
    for other in taken:
        same = _selects(other.gateway) == _selects(gateway)
        if (other.name, other.gateway.namespace) == (name, gateway.namespace) and not same:
            return f"{name}-{gateway.cluster}"
    return name


def _selects(gateway: Gateway) -> object:
    return dict(gateway.labels), gateway.port, gateway.hosts


def _aliases(plane: ControlPlane, trusted: Sequence[ControlPlane]) -> tuple[str, ...]:
    domains = (other.trust_domain for other in trusted)
    return tuple(dict.fromkeys(each for each in domains if each != plane.trust_domain))


def _anchors(plane: ControlPlane, trusted: Sequence[ControlPlane]) -> Iterator[Anchor]:
    roots = dict.fromkeys(other.root for other in trusted if other.root != plane.root)
    for root in roots:
        domains = dict.fromkeys(other.trust_domain for other in trusted if other.root == root)
        yield Anchor(root, tuple(domains))
