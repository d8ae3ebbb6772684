"""The direct path between pods of two networks, for as long as a check wants it."""

from collections.abc import Iterator
from itertools import chain

from harness.model import ClusterPlan, NetworkPlan
from harness.providers.embedded.spec import ROUTER
from harness.providers.fabric.cuts import Change, rule


def pod_routes(plan: NetworkPlan, *, one: str, other: str) -> list[Change]:
    """Let the pods of both reach each other by their own addresses across networks.

    On one network they do so anyway.
    """
    ends = plan.cluster(one), plan.cluster(other)
    if ends[0].network == ends[1].network:
        return []
    return list(chain(_routes(*ends), _way(*ends), _way(*reversed(ends))))


def _routes(*clusters: ClusterPlan) -> Iterator[Change]:
    for node in chain.from_iterable(cluster.nodes for cluster in clusters):
        route = (node.pods, "via", node.address)
        yield Change(ROUTER, ("ip", "route", "replace", *route), ("ip", "route", "delete", *route))


def _way(source: ClusterPlan, target: ClusterPlan) -> Iterator[Change]:
    between = ("-s", source.pods, "-d", target.pods)
    yield rule(ROUTER, "filter", "FORWARD", (*between, "-j", "ACCEPT"))
    for node in source.nodes:
        yield rule(node.name, "nat", "POSTROUTING", (*between, "-j", "RETURN"))
