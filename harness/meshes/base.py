"""What a mesh must do to be installed, judged and removed, and the names that checks know of it.

Names that Istio's users rely on (labels, ports, the fields of its access log) are constants:
a mesh with others is no Istio. Names that an installation may choose are a :class:`MeshShape`.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from harness.model import ControlPlane, Lab, NetworkPlan, Program, Topology, structure
from harness.model.images import ImageTable
from harness.model.needs import Offerer, offered_by
from harness.model.topology import DataPlane
from harness.phases import Phases

if TYPE_CHECKING:  # which is made of what is said here
    from harness.kube import Manifest
    from harness.meshes.installation import Installation

#: Label by which namespaces, pods and gateways say which network they are on.
NETWORK_LABEL = "topology.istio.io/network"
#: Label that every endpoint has: the cluster that it is in.
CLUSTER_LABEL = "topology.istio.io/cluster"
#: Label of pods whose proxy speaks mutual TLS, and its value.
TLS_MODE_LABEL, TLS_MODE = "security.istio.io/tlsMode", "istio"
#: Label of the Secrets by which a control plane reads other clusters, and how they are called
#: before the cluster's name.
REMOTE_SECRET_LABEL, REMOTE_SECRET_PREFIX = "istio/multiCluster", "istio-remote-secret-"
#: Variables by which a proxy is told the network of its pod, its mesh, and its cluster.
NETWORK_VARIABLE, MESH_VARIABLE = "ISTIO_META_NETWORK", "ISTIO_META_MESH_ID"
CLUSTER_VARIABLE = "ISTIO_META_CLUSTER_ID"
#: Variable by which a proxy is told to answer DNS.
DNS_VARIABLE = "ISTIO_META_DNS_CAPTURE"

#: Annotation of a remote's system namespace: the control planes that may write to the cluster.
LEADERS = "topology.istio.io/controlPlaneClusters"
#: Annotation of a NodePort gateway's Service: labels (JSON) of the nodes by which it is reached.
NODE_SELECTOR = "traffic.istio.io/nodeSelector"

#: Port at which east-west gateways pass mutual TLS on, found by SNI.
PASSTHROUGH_PORT = 15443
#: Port of a proxy's statistics in Prometheus text.
STATS_PORT = 15090
#: Ports of a control plane: its debug pages, and its own metrics; what proxies and API servers
#: ask it for, configuration and certificates by the one, injection and validation by the other.
DEBUG_PORT, METRICS_PORT = 8080, 15014
XDS_PORT, WEBHOOK_PORT = 15012, 15017
#: The kind of gateways of the Gateway API, and how a listener of theirs is told to pass mutual TLS
#: on by SNI.
GATEWAY_API = "Gateway.gateway.networking.k8s.io"
LISTENER_MODE, AUTO_PASSTHROUGH = "gateway.istio.io/listener-protocol", "auto-passthrough"
#: The Gateway object and the VirtualService by which the guides expose a control plane.
ISTIOD_GATEWAY, ISTIOD_ROUTE = "istiod-gateway", "istiod-vs"

#: How the statistics of a proxy's clusters end that checks read, beside those that Istio keeps:
#: connections that were opened, that could not be opened, and that ended at a certificate.
COUNTERS = ("upstream_cx_total", "upstream_cx_connect_fail", "ssl.fail_verify_error")

#: What a line of a proxy's access log (a JSON object) must say, and the Envoy operator for it.
ACCESS_LOG: Mapping[str, str] = {
    "authority": "%REQ(:AUTHORITY)%",
    "downstream_peer": "%DOWNSTREAM_PEER_URI_SAN%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "peer": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "response_code": "%RESPONSE_CODE%",
    "response_flags": "%RESPONSE_FLAGS%",
    "sni": "%REQUESTED_SERVER_NAME%",
    "upstream_cluster": "%UPSTREAM_CLUSTER%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_peer": "%UPSTREAM_PEER_URI_SAN%",
}


@dataclass(frozen=True, slots=True)
class MeshShape:
    """The names by which an installed mesh is found; the defaults are upstream Istio's.

    ``system`` is the namespace of istiod, ``root`` that of mesh-wide policies; ``revision`` is the
    ``istio.io/rev`` of injected namespaces (empty: label ``istio-injection=enabled``);
    ``selected`` are the labels of namespaces that its control plane looks at (none: at all);
    ``istiod`` names the control plane's Deployment, ``istiod_pods`` selects its pods;
    ``gateway`` names Deployment and Service of the east-west gateway, in ``gateway_namespace``,
    whose pods the selector ``gateway_pods`` finds and whose port for other networks is
    ``gateway_port``; ``exposure`` is the Gateway object that opens it, of ``exposure_kind``
    (Istio's own, or :data:`GATEWAY_API`); ``trust_domain`` is that of identities;
    ``config_map`` holds the mesh configuration under key ``mesh``;
    ``proxy`` is the container of the proxy; ``injector`` (with ``-<revision>``) holds the values
    of injection; ``authority`` is the Secret of a plugged-in CA, ``own_authority`` that of one
    that istiod made for itself; ``published_root`` tells workloads of every namespace the root.
    """

    system: str = "istio-system"
    root: str = "istio-system"
    trust_domain: str = "cluster.local"
    revision: str = ""
    selected: Mapping[str, str] = field(default_factory=dict, hash=False)
    gateway: str = "istio-eastwestgateway"
    gateway_namespace: str = "istio-system"
    gateway_pods: str = "istio=eastwestgateway"
    gateway_port: int = PASSTHROUGH_PORT
    exposure: str = "cross-network-gateway"
    exposure_kind: str = "Gateway"
    istiod: str = "istiod"
    istiod_pods: str = "app=istiod"
    config_map: str = "istio"
    proxy: str = "istio-proxy"
    injector: str = "istio-sidecar-injector"
    authority: str = "cacerts"
    own_authority: str = "istio-ca-secret"
    published_root: str = "istio-ca-root-cert"

    @property
    def gateway_api(self) -> bool:
        """Whether the east-west gateway is an object of the Gateway API."""
        return self.exposure_kind == GATEWAY_API

    @property
    def revision_labels(self) -> dict[str, str]:
        """What objects and pods are labelled with that its revision is to look after."""
        return {"istio.io/rev": self.revision} if self.revision else {}

    @property
    def gateway_labels(self) -> dict[str, str]:
        """What ``gateway_pods`` selects by, as an object has it."""
        return dict(label.split("=", 1) for label in self.gateway_pods.split(","))


def shape_of(plane: ControlPlane) -> MeshShape:
    """Return the names by which upstream's installation of a control plane is found."""
    suffix = f"-{plane.revision}" if plane.revision else ""
    return MeshShape(
        system=plane.namespace,
        root=plane.root_namespace,
        revision=plane.revision,
        selected=dict(plane.namespaces),
        trust_domain=plane.trust_domain,
        istiod=f"istiod{suffix}",
        istiod_pods=f"app=istiod,istio.io/rev={plane.revision}" if suffix else "app=istiod",
        config_map=f"istio{suffix}",
        gateway_namespace=plane.namespace,
    )


#: The shape of a mesh that has no names of its own.
UPSTREAM_SHAPE = MeshShape()


class Mesh(Protocol):
    """A mesh under test.

    To be judged, it must let itself be looked at. Proxies write an access log to their standard
    output, a JSON object per line with the fields of :data:`ACCESS_LOG`; their admin port is
    127.0.0.1:15000, their statistics are on :data:`STATS_PORT` and leave no counter of a cluster
    out. Control planes serve istiod's debug pages (``syncz``, ``clusterz``, ``endpointShardz``,
    ``edsz``) on :data:`DEBUG_PORT` to a token of their own account (of any
    account of the root namespace, if that is another). Nothing is tried again that
    nobody asked for (``defaultHttpRetryPolicy: {}``): hidden retries would hide defects. What is
    missing of this makes checks *unknown*, never passed.

    It keeps nothing between calls: several labs may have a mesh of one object at once.
    """

    @property
    def name(self) -> str:
        """The value of ``--mesh`` that selects it."""
        ...

    @property
    def version(self) -> str:
        """The version that will be installed, as reports show it."""
        ...

    def shapes(self, topology: Topology) -> Mapping[str, MeshShape]:
        """Return the names to find it by in each cluster; none at all is the baseline."""
        ...

    def images(self, topology: Topology) -> ImageTable:
        """Say what is behind the images of its pods, as far as it does not leave that to others.

        A provider that cannot have them says so before anything is started.
        """
        ...

    def prepare(self, topology: Topology, plan: NetworkPlan) -> "Installation":
        """Plan all of it, keys and manifests included; runs while clusters come up."""
        ...

    def install(self, lab: Lab, installation: "Installation", phases: Phases) -> None:
        """Carry it out; return when control planes and gateways are ready and linked."""
        ...

    def uninstall(self, lab: Lab, installation: "Installation") -> None:
        """Remove everything that ``install`` created. Idempotent."""
        ...

    def programs(self) -> tuple[Program, ...]:
        """Say which programs ran on behalf of the mesh, for the report."""
        ...


#: What upstream Istio offers as the harness installs it, by the names of the catalogue's needs.
UPSTREAM_OFFERS: Set[str] = offered_by(Offerer.MESH)


@runtime_checkable
class Offers(Protocol):
    """A mesh that says which facts hold of it; of one that does not, upstream's are believed."""

    def offers(self, topology: Topology) -> Set[str]:
        """Return the needs (``harness.model.needs``, those of a mesh) that it meets."""
        ...


def offers(mesh: Mesh, topology: Topology) -> Set[str]:
    """Return the facts that hold of ``mesh`` on ``topology``, as it says or as upstream has them.

    The baseline without a mesh claims all of them: its checks are to be run, and to fail; except
    for those that ask a mesh to do what it has no method for. Nothing is plugged in where a
    topology wants roots of istiod's making, and the Gateway API is there where a gateway is of it.
    """
    said = mesh.offers(topology) if isinstance(mesh, Offers) else UPSTREAM_OFFERS
    if not any(gateway.class_name for gateway in structure.gateways(topology)):
        said = said - {"gateway-api"}
    if topology.data_plane is not DataPlane.AMBIENT:
        said = said - {"waypoint"}
    if any(plane.self_signed for plane in structure.control_planes(topology)):
        said = said - {"plugged-ca"}
    if not isinstance(mesh, FollowsServicesApi):
        said = said - {"mcs-api"}
    return said if isinstance(mesh, AddsRevisions) else said - {"multi-revision"}


@runtime_checkable
class EnrolsMachines(Protocol):
    """A mesh that machines can join which are no nodes; asked for with ``isinstance``.

    What they run, and where the files go by which they join, is Istio's: see
    ``harness.workloads.guest``.
    """

    def machine_images(self, topology: Topology, cluster: str) -> Sequence[str]:
        """Return the images whose programs machines of a cluster must have, of :meth:`images`."""
        ...

    def enrolment(
        self, lab: Lab, cluster: str, group: "Manifest", *, registers: bool
    ) -> Mapping[str, str]:
        """Return the files for a machine of a WorkloadGroup, by the names that the guides use.

        ``registers``: it will ask for a WorkloadEntry by itself. A token is among them.
        """
        ...


@runtime_checkable
class AddsRevisions(Protocol):
    """A mesh of which another revision can be installed beside the one that stands."""

    def revision(self, lab: Lab, cluster: str, name: str) -> AbstractContextManager[MeshShape]:
        """Have a control plane called ``name`` for a cluster while the body runs.

        It is ready, and no workload is moved to it; its names are given.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServicesApiSupport:
    """What makes a mesh follow the multi-cluster Services API.

    ``definitions`` are the CustomResourceDefinitions of ServiceExport and ServiceImport (version
    v1alpha1), ``variables`` the environment of its control planes.
    """

    definitions: "Sequence[Manifest]" = field(repr=False)
    variables: Mapping[str, str]


@runtime_checkable
class FollowsServicesApi(Protocol):
    """A mesh whose control planes can be told to follow the multi-cluster Services API."""

    def services_api(self) -> ServicesApiSupport:
        """Return what that takes. A Service then stays in its cluster unless it is exported."""
        ...


@runtime_checkable
class Refuses(Protocol):
    """A mesh that knows beforehand where it cannot be installed."""

    def refuses(self, topology: Topology) -> Sequence[str]:
        """Say all that keeps it from ``topology``; asked before anything starts, so be quick."""
        ...


@runtime_checkable
class HasDataPlanes(Protocol):
    """A mesh that has not every data plane there is; of one that does not say so, all are asked.

    Where it refuses a topology with another one, checks are *not-applicable*, not *not-run*. The
    same is true of a provider that says so of its labs.
    """

    @property
    def data_planes(self) -> Set[DataPlane]:
        """The data planes that the product has, whoever can install them."""
        ...


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A mesh that ships with the harness: how to make it of a version, and one line about it."""

    make: Callable[[str], Mesh]
    summary: str = ""
