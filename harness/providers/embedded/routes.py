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


def machine_routes(plan: NetworkPlan, *, cluster: str, machine: str) -> list[Change]:
    """Let a cluster's pods and the machine at an address reach each other across networks."""
    own = plan.cluster(cluster)
    out, back = ("-s", own.pods, "-d", machine), ("-s", machine, "-d", own.pods)
    changes = [rule(ROUTER, "filter", "FORWARD", (*way, "-j", "ACCEPT")) for way in (out, back)]
    for node in own.nodes:
        route = (node.pods, "via", node.address)
        replace = ("ip", "route", "replace", *route)
        changes.append(Change(ROUTER, replace, ("ip", "route", "delete", *route)))
        changes.append(rule(node.name, "nat", "POSTROUTING", (*out, "-j", "RETURN")))
    return changes


def _way(source: ClusterPlan, target: ClusterPlan) -> Iterator[Change]:
    pods = ("-s", source.pods, "-d", target.pods)
    yield rule(ROUTER, "filter", "FORWARD", (*pods, "-j", "ACCEPT"))
    for node in source.nodes:
        route = (node.pods, "via", node.address)
        yield Change(ROUTER, ("ip", "route", "replace", *route), ("ip", "route", "delete", *route))
        yield rule(node.name, "nat", "POSTROUTING", (*pods, "-j", "RETURN"))
