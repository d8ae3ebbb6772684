"""What to change in a lab's fabric, and how to undo it, worked out from the plan alone.

Cuts are made in the raw table of both ends' nodes: before connection tracking, so that open
connections end too, and on every way between two clusters, within a network or across.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from harness.model import ClusterPlan, NetworkPlan
from harness.model.plan import API_PORT
from harness.providers.embedded.spec import ROUTER


@dataclass(frozen=True, slots=True)
class Change:
    """A command in a namespace, and the command that undoes it."""

    namespace: str
    do: tuple[str, ...]
    undo: tuple[str, ...]


def api_cut(plan: NetworkPlan, *, client: str, server: str) -> list[Change]:
    """Separate the API server of ``server`` from everything in ``client``."""
    near, far = plan.cluster(client), plan.cluster(server)
    api = ("-s", far.api_address, "-p", "tcp", "--sport", str(API_PORT))
    asked = ("-d", far.api_address, "-p", "tcp", "--dport", str(API_PORT))
    return [
        _drop(far.nodes[0].name, "-s", _sources(near), *asked),
        *(_drop(node.name, *api) for node in near.nodes),
    ]


def gateway_cut(plan: NetworkPlan, *, client: str, server: str) -> list[Change]:
    """Separate the gateway addresses of ``server`` from everything in ``client``."""
    near, far = plan.cluster(client), plan.cluster(server)
    gateways = ",".join(far.load_balancers)
    return [
        *(_drop(node.name, "-s", _sources(near), "-d", gateways) for node in far.nodes),
        *(_drop(node.name, "-s", gateways) for node in near.nodes),
    ]


def partition(plan: NetworkPlan, *, one: str, other: str) -> list[Change]:
    """Separate everything in ``one`` from everything in ``other``."""
    return [
        *_deaf(plan.cluster(one), plan.cluster(other)),
        *_deaf(plan.cluster(other), plan.cluster(one)),
    ]


def pod_routes(plan: NetworkPlan, *, one: str, other: str) -> list[Change]:
    """Let the pods of both reach each other by their own addresses across networks.

    On one network they do so anyway.
    """
    ends = plan.cluster(one), plan.cluster(other)
    if ends[0].network == ends[1].network:
        return []
    return list(chain(_routes(*ends), _way(*ends), _way(*reversed(ends))))


def _deaf(cluster: ClusterPlan, to: ClusterPlan) -> Iterator[Change]:
    voices = ",".join([_sources(to), *to.load_balancers])
    for node in cluster.nodes:
        yield _drop(node.name, "-s", voices)


def _drop(node: str, *match: str) -> Change:
    rule = ("-i", "eth0", *match, "-j", "DROP")
    return _rule(node, "raw", "PREROUTING", rule)


def _routes(*clusters: ClusterPlan) -> Iterator[Change]:
    for node in chain.from_iterable(cluster.nodes for cluster in clusters):
        route = (node.pods, "via", node.address)
        yield Change(ROUTER, ("ip", "route", "replace", *route), ("ip", "route", "delete", *route))


def _way(source: ClusterPlan, target: ClusterPlan) -> Iterator[Change]:
    between = ("-s", source.pods, "-d", target.pods)
    yield _rule(ROUTER, "filter", "FORWARD", (*between, "-j", "ACCEPT"))
    for node in source.nodes:
        yield _rule(node.name, "nat", "POSTROUTING", (*between, "-j", "RETURN"))


def _rule(namespace: str, table: str, chain_name: str, rule: tuple[str, ...]) -> Change:
    command = ("iptables", "-w", "-t", table)
    return Change(
        namespace, (*command, "-I", chain_name, *rule), (*command, "-D", chain_name, *rule)
    )


def _sources(cluster: ClusterPlan) -> str:
    """Return where packets of a cluster come from: its nodes, its pods within its network."""
    return ",".join([*(node.address for node in cluster.nodes), cluster.pods])
