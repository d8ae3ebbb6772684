"""The network plan: every address and every allowed crossing, derived from a topology alone.

A topology says who is on which network; the plan says with which addresses, and what may pass
between networks. Providers build exactly this, the fabric self-check (NM-03) verifies it, and
nothing else invents an address.
"""

from ipaddress import IPv4Network
from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.model.topology import ClusterSpec, Topology

API_PORT = 6443
#: Ports that east-west gateways may be reached on from other networks: health, mTLS
#: passthrough, istiod's xDS and webhook (Istio's east-west gateway Service), HBONE.
GATEWAY_PORTS = (15008, 15012, 15017, 15021, 15443)


class _Planned(BaseModel):
    model_config = ConfigDict(frozen=True)


class NetworkPlanEntry(_Planned):
    """A network's range; ``router`` is the address by which other networks are reached."""

    name: str
    cidr: str
    router: str


class NodePlan(_Planned):
    """A node: ``address`` on its network, ``pods`` the slice of the cluster's pod range."""

    name: str
    address: str
    pods: str
    region: str | None
    zone: str | None


class ClusterPlan(_Planned):
    """Addresses of one cluster; ``load_balancers`` are those LoadBalancer Services may get."""

    name: str
    network: str
    nodes: tuple[NodePlan, ...]
    pods: str
    services: str
    dns: str
    load_balancers: tuple[str, ...]

    @property
    def api_address(self) -> str:
        """Where other clusters reach this cluster's API server (port 6443)."""
        return self.nodes[0].address


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

    def cluster(self, name: str) -> ClusterPlan:
        """Return the plan of the cluster called ``name``."""
        return next(cluster for cluster in self.clusters if cluster.name == name)

    def network(self, name: str) -> NetworkPlanEntry:
        """Return the plan of the network called ``name``."""
        return next(network for network in self.networks if network.name == name)


#: The second octet of planned networks, unless something else lies there.
BLOCK = 77


def plan_networks(topology: Topology, *, block: int = BLOCK) -> NetworkPlan:
    """Lay out ``topology``: declared ranges as they are, the others from private space.

    Networks get 10.BLOCK.N.0/24, pods 10.(10+i).0.0/16 with a /24 per node, Services
    10.(110+i).0.0/16 with DNS at .0.10; the last addresses of a network's range, ten per
    cluster, are for LoadBalancer Services.
    """
    networks = tuple(
        _network(spec.name, spec.cidr or f"10.{block}.{number}.0/24")
        for number, spec in enumerate(topology.networks, start=1)
    )
    by_name = {network.name: network for network in networks}
    clusters = tuple(
        _cluster(spec, number, by_name[spec.network])
        for number, spec in enumerate(topology.clusters, start=1)
    )
    return NetworkPlan(networks=networks, clusters=clusters, crossings=_crossings(clusters))


def _network(name: str, cidr: str) -> NetworkPlanEntry:
    return NetworkPlanEntry(name=name, cidr=cidr, router=str(IPv4Network(cidr)[1]))


def _cluster(spec: ClusterSpec, number: int, network: NetworkPlanEntry) -> ClusterPlan:
    addresses = IPv4Network(network.cidr)
    pods = spec.pods or f"10.{10 + number}.0.0/16"
    services = spec.services or f"10.{110 + number}.0.0/16"
    slices = IPv4Network(pods).subnets(new_prefix=24)
    nodes = tuple(
        NodePlan(
            name=f"{spec.name}-node{index}",
            address=str(addresses[10 * number + index]),
            pods=str(next(slices)),
            region=spec.region,
            zone=node.zone,
        )
        for index, node in enumerate(spec.nodes, start=1)
    )
    top = addresses.num_addresses - 2 - 10 * (number - 1)
    return ClusterPlan(
        name=spec.name,
        network=spec.network,
        nodes=nodes,
        pods=pods,
        services=services,
        dns=str(IPv4Network(services)[10]),
        load_balancers=tuple(str(addresses[top - offset]) for offset in range(10)),
    )


def _crossings(clusters: tuple[ClusterPlan, ...]) -> tuple[Crossing, ...]:
    """API servers and gateway addresses are reachable from every other network; no pod is."""
    networks = sorted({cluster.network for cluster in clusters})
    found: list[Crossing] = []
    for cluster in clusters:
        for source in networks:
            if source == cluster.network:
                continue
            ends = {"source": source, "target": cluster.network}
            found.append(
                Crossing(
                    **ends, address=cluster.api_address, ports=(API_PORT,), purpose="api-server"
                )
            )
            found.extend(
                Crossing(**ends, address=address, ports=GATEWAY_PORTS, purpose="gateway")
                for address in cluster.load_balancers
            )
    return tuple(found)
