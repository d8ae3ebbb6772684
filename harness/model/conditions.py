"""The closed vocabulary by which a requirement says on which topologies it is judged.

Every condition is computed from the structure of a topology alone, so that a topology which
nobody has seen before is judged by what it is, not by its name.
"""

from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from itertools import combinations

from harness.model import structure
from harness.model.plan import plan_networks
from harness.model.structure import PairKind
from harness.model.topology import DataPlane, Role, Topology


class Condition(StrEnum):
    """A fact about the structure of a topology; :data:`MEANING` says what each one means."""

    AMBIENT = "ambient"
    CONTROL_PLANES_IN_ONE_CLUSTER = "control-planes-in-one-cluster"
    DNS_CAPTURE = "dns-capture"
    EXTERNAL_CONTROL_PLANE = "external-control-plane"
    FEDERATED = "federated"
    GATEWAY_API = "gateway-api"
    ISOLATED_NETWORKS = "isolated-networks"
    MACHINE = "machine"
    MACHINE_NETWORK = "machine-network"
    MACHINE_ON_CLUSTER_NETWORK = "machine-on-cluster-network"
    ONE_CLUSTER = "one-cluster"
    OTHER_CLUSTER = "other-cluster"
    OTHER_NETWORK = "other-network"
    OVERLAPPING_RANGES = "overlapping-ranges"
    REMOTE = "remote"
    ROUTED_NETWORKS = "routed-networks"
    SELF_SIGNED = "self-signed"
    SEVERAL_CONTROL_PLANES = "several-control-planes"
    SEVERAL_MESHES = "several-meshes"
    SEVERAL_VERSIONS = "several-versions"
    SHARED_NETWORK = "shared-network"
    SHARED_REMOTE = "shared-remote"
    SIDECAR = "sidecar"
    THREE_CLUSTERS = "three-clusters"
    UNLINKED = "unlinked"


#: What each condition means, for documentation and ``meshproof explain``.
MEANING: dict[Condition, str] = {
    Condition.AMBIENT: "workloads get in by ztunnel",
    Condition.CONTROL_PLANES_IN_ONE_CLUSTER: "one cluster is served by control planes of two "
    "meshes",
    Condition.DNS_CAPTURE: "proxies answer DNS unless a pod says otherwise",
    Condition.EXTERNAL_CONTROL_PLANE: "a control plane runs outside of the clusters it serves",
    Condition.FEDERATED: "a mesh exports services to another one",
    Condition.GATEWAY_API: "an east-west gateway is an object of the Gateway API",
    Condition.ISOLATED_NETWORKS: "two networks of one mesh have no direct path between them",
    Condition.MACHINE: "a machine runs a workload of the mesh",
    Condition.MACHINE_NETWORK: "a machine is on another network than its cluster",
    Condition.MACHINE_ON_CLUSTER_NETWORK: "a machine is on the network of its cluster",
    Condition.ONE_CLUSTER: "one cluster holds all workloads",
    Condition.OTHER_CLUSTER: "a cluster knows the endpoints of another one",
    Condition.OTHER_NETWORK: "a cluster knows the endpoints of one on another network",
    Condition.OVERLAPPING_RANGES: "two clusters have overlapping pod or Service ranges",
    Condition.REMOTE: "a cluster is served by a control plane that runs elsewhere",
    Condition.ROUTED_NETWORKS: "two networks by name are one by routing",
    Condition.SELF_SIGNED: "a control plane signs with a root of its own making",
    Condition.SEVERAL_CONTROL_PLANES: "one mesh has several control planes",
    Condition.SEVERAL_MESHES: "there are several meshes",
    Condition.SEVERAL_VERSIONS: "control planes of one mesh are of several versions",
    Condition.SHARED_NETWORK: "a cluster knows the endpoints of one on its own network",
    Condition.SHARED_REMOTE: "one cluster is served by control planes of several others",
    Condition.SIDECAR: "workloads get in by a proxy beside each",
    Condition.THREE_CLUSTERS: "three or more clusters of one mesh know each other's endpoints",
    Condition.UNLINKED: "two clusters of one mesh do not know each other's endpoints",
}


@lru_cache(maxsize=64)
def conditions(topology: Topology) -> frozenset[Condition]:
    """Return every condition that holds on ``topology``."""
    return frozenset(
        [
            *_of_pairs(topology),
            *_of_control_planes(topology),
            *_of_meshes(topology),
            *_of_machines(topology),
            *_of_gateways(topology),
            *_of_ranges(topology),
        ]
    )


def _of_pairs(topology: Topology) -> Iterator[Condition]:
    found = [relation for _, _, relation in structure.relations(topology)]
    for kind, condition in (
        (PairKind.LINKED, Condition.OTHER_CLUSTER),
        (PairKind.OTHER_NETWORK, Condition.OTHER_NETWORK),
        (PairKind.SAME_NETWORK, Condition.SHARED_NETWORK),
        (PairKind.ROUTED, Condition.ROUTED_NETWORKS),
        (PairKind.UNLINKED, Condition.UNLINKED),
        (PairKind.FEDERATED, Condition.FEDERATED),
    ):
        if any(kind.holds(each) for each in found):
            yield condition
    if len(topology.members) == 1:
        yield Condition.ONE_CLUSTER
    if len(topology.members) > 2 and any(PairKind.LINKED.holds(each) for each in found):
        yield Condition.THREE_CLUSTERS
    if _isolated(topology):
        yield Condition.ISOLATED_NETWORKS


def _isolated(topology: Topology) -> bool:
    return any(
        one.mesh == other.mesh and topology.segment(one.network) != topology.segment(other.network)
        for one, other in combinations(structure.members(topology), 2)
    )


def _of_control_planes(topology: Topology) -> Iterator[Condition]:
    planes = structure.control_planes(topology)
    if any(cluster.role is Role.REMOTE for cluster in topology.clusters):
        yield Condition.REMOTE
    if any(plane.external for plane in planes):
        yield Condition.EXTERNAL_CONTROL_PLANE
    if any(plane.self_signed for plane in planes):
        yield Condition.SELF_SIGNED
    if any(plane.dns_capture for plane in planes):
        yield Condition.DNS_CAPTURE
    own = [[p for p in planes if p.mesh == each.id] for each in structure.meshes(topology)]
    if any(len(each) > 1 for each in own):
        yield Condition.SEVERAL_CONTROL_PLANES
    if any(len({plane.version for plane in each}) > 1 for each in own):
        yield Condition.SEVERAL_VERSIONS
    yield from _of_service(topology)


def _of_service(topology: Topology) -> Iterator[Condition]:
    for cluster in topology.members:
        serving = structure.control_planes_of(topology, cluster.name)
        if len({plane.mesh for plane in serving}) > 1:
            yield Condition.CONTROL_PLANES_IN_ONE_CLUSTER
        elif len({plane.cluster for plane in serving}) > 1:
            yield Condition.SHARED_REMOTE


def _of_meshes(topology: Topology) -> Iterator[Condition]:
    if len(structure.meshes(topology)) > 1:
        yield Condition.SEVERAL_MESHES
    ambient = topology.data_plane is DataPlane.AMBIENT
    yield Condition.AMBIENT if ambient else Condition.SIDECAR


def _of_machines(topology: Topology) -> Iterator[Condition]:
    for machine in topology.machines:
        yield Condition.MACHINE
        home = topology.cluster(machine.cluster).network
        near = machine.network == home
        yield Condition.MACHINE_ON_CLUSTER_NETWORK if near else Condition.MACHINE_NETWORK


def _of_gateways(topology: Topology) -> Iterator[Condition]:
    if any(gateway.class_name for gateway in structure.gateways(topology)):
        yield Condition.GATEWAY_API


def _of_ranges(topology: Topology) -> Iterator[Condition]:
    plan = plan_networks(topology)
    if any(one.overlaps(other) for one, other in combinations(plan.clusters, 2)):
        yield Condition.OVERLAPPING_RANGES
