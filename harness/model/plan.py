"""The network plan: every address and every allowed crossing, derived from a topology alone.

A topology says who is on which network; the plan says with which addresses, and what may pass
between networks. Providers build exactly this, the fabric self-check (NM-03) verifies it, and
nothing else invents an address.
"""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.model.topology import (
    ClusterSpec,
    GatewayServiceType,
    GatewaySpec,
    MachineSpec,
    NetworkSpec,
    Topology,
)

API_PORT = 6443
#: Ports that east-west gateways may be reached on from other networks: health, mTLS
#: passthrough, istiod's xDS and webhook (Istio's east-west gateway Service), HBONE.
GATEWAY_PORTS = (15008, 15012, 15017, 15021, 15443)
#: The port of nodes by which gateways without an address of their own are reached.
NODE_PORT = 31443
#: Annotation of a LoadBalancer Service: what the load balancer of a lab gives to it, in words of
#: :class:`~harness.model.topology.GatewayAddress`; absent: an address.
ADDRESS_ANNOTATION = "meshproof.io/address"


class _Planned(BaseModel):
    model_config = ConfigDict(frozen=True)


class NetworkPlanEntry(_Planned):
    """A network's range; ``router`` is the address by which other networks are reached.

    Networks of one ``segment`` (routing domain) route to each other's pods.
    """

    name: str
    cidr: str
    router: str
    segment: str


class NodePlan(_Planned):
    """A node: ``address`` on its network, ``pods`` the slice of the cluster's pod range."""

    name: str
    address: str
    pods: str
    region: str | None
    zone: str | None


class ClusterPlan(_Planned):
    """Addresses of one cluster; ``load_balancers`` are those LoadBalancer Services may get.

    ``domain`` is its DNS domain, ``kubernetes`` its version (empty: the default).
    """

    name: str
    network: str
    domain: str = "cluster.local"
    kubernetes: str = ""
    nodes: tuple[NodePlan, ...]
    pods: str
    services: str
    dns: str
    load_balancers: tuple[str, ...]

    @property
    def api_address(self) -> str:
        """Where other clusters reach this cluster's API server (port 6443)."""
        return self.nodes[0].address

    def overlaps(self, other: "ClusterPlan") -> bool:
        """Say whether any pod or Service range of the two has addresses in common."""
        ranges = [IPv4Network(each) for each in (self.pods, self.services)]
        others = [IPv4Network(each) for each in (other.pods, other.services)]
        return any(one.overlaps(two) for one in ranges for two in others)


class MachinePlan(_Planned):
    """The address of a machine beside the clusters."""

    name: str
    network: str
    address: str


class Crossing(_Planned):
    """TCP from anywhere on ``source`` (a network) to ``address``:``ports`` is let through."""

    source: str
    target: str
    address: str
    ports: tuple[int, ...]
    purpose: Literal["api-server", "gateway"]


class NetworkPlan(_Planned):
    """Everything a provider needs to know about addresses."""

    networks: tuple[NetworkPlanEntry, ...]
    clusters: tuple[ClusterPlan, ...]
    crossings: tuple[Crossing, ...]
    machines: tuple[MachinePlan, ...] = ()

    def cluster(self, name: str) -> ClusterPlan:
        """Return the plan of the cluster called ``name``."""
        return next(cluster for cluster in self.clusters if cluster.name == name)

    def network(self, name: str) -> NetworkPlanEntry:
        """Return the plan of the network called ``name``."""
        return next(network for network in self.networks if network.name == name)

    def segment(self, network: str) -> str:
        """Return the routing domain of a network."""
        return self.network(network).segment

    def beside(self, cluster: ClusterPlan) -> list[ClusterPlan]:
        """Return the clusters whose pods are reached from ``cluster`` directly, itself included."""
        own = self.segment(cluster.network)
        return [other for other in self.clusters if self.segment(other.network) == own]

    def machine(self, name: str) -> MachinePlan:
        """Return the plan of the machine called ``name``."""
        return next(machine for machine in self.machines if machine.name == name)


#: The second octet of planned networks, unless something else lies there.
BLOCK = 77


#: Addresses of a network that each cluster of a topology may use for nodes, and as many again
#: (from the end of the range) for LoadBalancer Services.
SHARE = 10


def plan_networks(topology: Topology, *, block: int = BLOCK) -> NetworkPlan:
    """Lay out ``topology``: declared ranges as they are, the others from private space.

    Networks get 10.BLOCK.N.0/24, pods 10.(10+i).0.0/16 with a /24 per node, Services
    10.(110+i).0.0/16 with DNS at .0.10; the last addresses of a network's range, ten per
    cluster, are for LoadBalancer Services, those behind all nodes for machines.
    """
    networks = tuple(
        _network(topology, spec, spec.cidr or f"10.{block}.{number}.0/24")
        for number, spec in enumerate(topology.networks, start=1)
    )
    by_name = {network.name: network for network in networks}
    clusters = tuple(
        _cluster(spec, number, by_name[spec.network])
        for number, spec in enumerate(topology.clusters, start=1)
    )
    first = SHARE * (len(clusters) + 1)
    machines = tuple(
        _machine(spec, first + number, by_name[spec.network])
        for number, spec in enumerate(topology.machines, start=1)
    )
    found = NetworkPlan(networks=networks, clusters=clusters, crossings=(), machines=machines)
    return found.model_copy(update={"crossings": tuple(_crossings(topology, found))})


def _network(topology: Topology, spec: NetworkSpec, cidr: str) -> NetworkPlanEntry:
    router = str(IPv4Network(cidr)[1])
    segment = topology.segment(spec.name)
    return NetworkPlanEntry(name=spec.name, cidr=cidr, router=router, segment=segment)


def _cluster(spec: ClusterSpec, number: int, network: NetworkPlanEntry) -> ClusterPlan:
    addresses = IPv4Network(network.cidr)
    pods = spec.pods or f"10.{10 + number}.0.0/16"
    services = spec.services or f"10.{110 + number}.0.0/16"
    slices = IPv4Network(pods).subnets(new_prefix=24)
    nodes = tuple(
        NodePlan(
            name=f"{spec.name}-node{index}",
            address=_address(addresses, SHARE * number + index),
            pods=str(next(slices)),
            region=node.region or spec.region,
            zone=node.zone,
        )
        for index, node in enumerate(spec.nodes, start=1)
    )
    top = addresses.num_addresses - 2 - SHARE * (number - 1)
    return ClusterPlan(
        name=spec.name,
        network=spec.network,
        domain=spec.domain,
        kubernetes=spec.kubernetes or "",
        nodes=nodes,
        pods=pods,
        services=services,
        dns=str(IPv4Network(services)[10]),
        load_balancers=tuple(_address(addresses, top - offset) for offset in range(SHARE)),
    )


def _machine(spec: MachineSpec, index: int, network: NetworkPlanEntry) -> MachinePlan:
    address = _address(IPv4Network(network.cidr), index)
    return MachinePlan(name=spec.name, network=spec.network, address=address)


def _address(network: IPv4Network, index: int) -> str:
    """Return an address of a range, or one beyond it, which the consistency check refuses."""
    return str(network.network_address + index)


def _crossings(topology: Topology, plan: NetworkPlan) -> Iterator[Crossing]:
    """API servers and gateway addresses are reachable from every other network; no pod is.

    Networks of one segment need no exception.
    """
    inhabited = sorted({c.network for c in plan.clusters} | {m.network for m in plan.machines})
    for cluster in plan.clusters:
        for source in inhabited:
            if plan.segment(source) != plan.segment(cluster.network):
                yield from _into(topology, cluster, source)


def _into(topology: Topology, cluster: ClusterPlan, source: str) -> Iterator[Crossing]:
    ends = {"source": source, "target": cluster.network}
    yield Crossing(**ends, address=cluster.api_address, ports=(API_PORT,), purpose="api-server")
    ports = gateway_ports(topology, cluster.name)
    for address in cluster.load_balancers:
        yield Crossing(**ends, address=address, ports=ports, purpose="gateway")
    if any(each.type is GatewayServiceType.NODE_PORT for each in _declared(topology, cluster.name)):
        for node in cluster.nodes:
            yield Crossing(**ends, address=node.address, ports=(NODE_PORT,), purpose="gateway")


def gateway_ports(topology: Topology, cluster: str) -> tuple[int, ...]:
    """Return the ports that the gateways of a cluster may be reached on from other networks."""
    return tuple(sorted({*GATEWAY_PORTS, *(each.port for each in _declared(topology, cluster))}))


def _declared(topology: Topology, cluster: str) -> list[GatewaySpec]:
    return [each for each in topology.gateways or () if each.cluster == cluster]
