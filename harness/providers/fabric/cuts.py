"""What to change at the nodes of a lab to cut something off, worked out from the plan alone.

Cuts are made in the raw table of both ends' nodes: before connection tracking, so that open
connections end too, and on every way between two clusters, within a network or across.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from harness.model import ClusterPlan, NetworkPlan
from harness.model.plan import API_PORT


@dataclass(frozen=True, slots=True)
class Change:
    """A command in a namespace (the router's or a node's), and the command that undoes it."""

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


def between(
    plan: NetworkPlan,
    one: str,
    other: str,
    way: Callable[[ClusterPlan, ClusterPlan], Iterable[Change]],
) -> list[Change]:
    """Return what ``way`` changes from each of two clusters to the other; nothing on one segment.

    There, whatever is to be opened between networks is open anyway.
    """
    ends = plan.cluster(one), plan.cluster(other)
    if plan.segment(ends[0].network) == plan.segment(ends[1].network):
        return []
    return [*way(*ends), *way(*reversed(ends))]


def _deaf(cluster: ClusterPlan, to: ClusterPlan) -> Iterator[Change]:
    voices = ",".join([_sources(to), *to.load_balancers])
    for node in cluster.nodes:
        yield _drop(node.name, "-s", voices)


def _drop(node: str, *match: str) -> Change:
    return rule(node, "raw", "PREROUTING", ("-i", "eth+", *match, "-j", "DROP"))


def rule(namespace: str, table: str, chain: str, words: Sequence[str]) -> Change:
    """Insert a rule at the top of a chain."""
    command = ("iptables", "-w", "-t", table)
    return Change(namespace, (*command, "-I", chain, *words), (*command, "-D", chain, *words))


def _sources(cluster: ClusterPlan) -> str:
    """Return where packets of a cluster come from: its nodes, its pods within its network."""
    return ",".join([*(node.address for node in cluster.nodes), cluster.pods])
