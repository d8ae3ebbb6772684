"""The direct path between pods of two networks, for as long as a check wants it."""

from collections.abc import Iterator

from harness.model import ClusterPlan, NetworkPlan
from harness.providers.embedded.spec import ROUTER
from harness.providers.fabric.cuts import Change, between, rule


def pod_routes(plan: NetworkPlan, *, one: str, other: str) -> list[Change]:
    """Let the pods of both reach each other by their own addresses across networks.

    On one network they do so anyway.
    """
    return between(plan, one, other, _way)


def _way(source: ClusterPlan, target: ClusterPlan) -> Iterator[Change]:
    pods = ("-s", source.pods, "-d", target.pods)
    yield rule(ROUTER, "filter", "FORWARD", (*pods, "-j", "ACCEPT"))
    for node in source.nodes:
        route = (node.pods, "via", node.address)
        yield Change(ROUTER, ("ip", "route", "replace", *route), ("ip", "route", "delete", *route))
        yield rule(node.name, "nat", "POSTROUTING", (*pods, "-j", "RETURN"))
