"""Judge what was seen on the wire between networks against the network plan."""

from collections.abc import Iterable, Mapping, Set
from ipaddress import IPv4Address, IPv4Network

from harness.model.plan import ClusterPlan, NetworkPlan
from harness.providers.base import Flow

#: Ranges, and the segment that each belongs to; pods' ranges may be those of several.
_Segments = Mapping[IPv4Network, set[str]]


def trespasses(plan: NetworkPlan, flows: Iterable[Flow]) -> list[Flow]:
    """Return the flows between segments that no crossing of the plan allows, either way."""
    allowed = {(c.address, port) for c in plan.crossings for port in c.ports}
    pods: dict[IPv4Network, set[str]] = {}
    for cluster in plan.clusters:
        pods.setdefault(IPv4Network(cluster.pods), set()).add(plan.segment(cluster.network))
    networks = {IPv4Network(each.cidr): {each.segment} for each in plan.networks}
    known = {**pods, **networks}
    return [
        flow
        for flow in flows
        if not _inside(flow, known) and not _allowed(flow, allowed, list(pods))
    ]


def through(addresses: Set[str], flows: Iterable[Flow]) -> bool:
    """Say whether any packet went to one of these addresses."""
    return any(flow.target in addresses for flow in flows)


def between(source: ClusterPlan, target: ClusterPlan, flows: Iterable[Flow]) -> list[Flow]:
    """Return the flows from one cluster to another: from and to nodes, pods or gateways."""
    return [f for f in flows if is_of(source, f.source) and is_of(target, f.target)]


def is_of(cluster: ClusterPlan, address: str) -> bool:
    """Say whether an address is that of a node, a pod or a load balancer of a cluster."""
    own = {*(node.address for node in cluster.nodes), *cluster.load_balancers}
    return address in own or IPv4Address(address) in IPv4Network(cluster.pods)


def _inside(flow: Flow, known: _Segments) -> bool:
    """Say whether both ends can only be of one segment, within which everything may pass."""
    ends = [_segments(address, known) for address in (flow.source, flow.target)]
    return len(ends[0]) == 1 and ends[0] == ends[1]


def _segments(address: str, known: _Segments) -> set[str]:
    held = [names for network, names in known.items() if IPv4Address(address) in network]
    return set().union(*held)


def _allowed(flow: Flow, allowed: set[tuple[str, int]], pods: list[IPv4Network]) -> bool:
    ends = {(flow.source, flow.source_port), (flow.target, flow.target_port)}
    if any(IPv4Address(address) in network for address, _ in ends for network in pods):
        return False
    return flow.protocol == "tcp" and bool(ends & allowed)
