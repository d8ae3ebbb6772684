"""Judge what was seen on the wire between networks against the network plan."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from harness.model.plan import NetworkPlan
from harness.providers.base import Flow


def trespasses(plan: NetworkPlan, flows: Iterable[Flow]) -> list[Flow]:
    """Return the flows that no crossing of the plan allows, in either direction."""
    allowed = {(c.address, port) for c in plan.crossings for port in c.ports}
    pods = [IPv4Network(cluster.pods) for cluster in plan.clusters]
    return [flow for flow in flows if not _allowed(flow, allowed, pods)]


def _allowed(flow: Flow, allowed: set[tuple[str, int]], pods: list[IPv4Network]) -> bool:
    ends = {(flow.source, flow.source_port), (flow.target, flow.target_port)}
    if any(IPv4Address(address) in network for address, _ in ends for network in pods):
        return False
    return flow.protocol == "tcp" and bool(ends & allowed)
