"""Contradictions between the parts of a topology that are well-formed on their own."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import combinations

from harness.model.plan import plan_networks
from harness.model.topology import ClusterSpec, Role, Topology


@dataclass(frozen=True, slots=True)
class Problem:
    """A contradiction, and the place in the document (keys and indexes) that it concerns."""

    where: tuple[str | int, ...]
    message: str


def problems(topology: Topology) -> list[Problem]:
    """Return every contradiction in ``topology``; empty if it can be raised."""
    basic = [
        *_repeated("networks", (n.name for n in topology.networks)),
        *_repeated("clusters", (c.name for c in topology.clusters)),
        *_unknown_networks(topology),
        *_roles(topology),
        *_malformed_ranges(topology),
    ]
    return basic or list(_overlaps(topology))


def _repeated(section: str, names: Iterable[str]) -> Iterator[Problem]:
    listed = list(names)
    for name, count in Counter(listed).items():
        if count > 1:
            last = len(listed) - 1 - listed[::-1].index(name)
            kind = section.removesuffix("s")
            yield Problem((section, last, "name"), f"{kind} name {name!r} is used more than once")


def _unknown_networks(topology: Topology) -> Iterator[Problem]:
    declared = {network.name for network in topology.networks}
    for index, cluster in enumerate(topology.clusters):
        if cluster.network not in declared:
            known = ", ".join(sorted(declared))
            yield Problem(
                ("clusters", index, "network"),
                f"cluster {cluster.name!r} is on unknown network {cluster.network!r}; "
                f"declared: {known}",
            )


def _roles(topology: Topology) -> Iterator[Problem]:
    primaries = {cluster.name for cluster in topology.primaries}
    if not primaries:
        yield Problem(("clusters",), "no cluster is a primary: nothing would configure the mesh")
    for index, cluster in enumerate(topology.clusters):
        if message := _role_problem(cluster, primaries):
            yield Problem(("clusters", index), message)


def _role_problem(cluster: ClusterSpec, primaries: set[str]) -> str:
    if cluster.role is Role.PRIMARY:
        surplus = f"cluster {cluster.name!r} is a primary and has no use for 'primary'"
        return surplus if cluster.primary else ""
    if cluster.primary is None:
        return f"cluster {cluster.name!r} is a remote without a primary; add 'primary: NAME'"
    if cluster.primary not in primaries:
        known = ", ".join(sorted(primaries)) or "none"
        return (
            f"cluster {cluster.name!r} names {cluster.primary!r} as its primary; primaries: {known}"
        )
    return ""


def _malformed_ranges(topology: Topology) -> Iterator[Problem]:
    for index, network in enumerate(topology.networks):
        yield from _malformed(network.cidr, ("networks", index, "cidr"), 16, 25)
    for index, cluster in enumerate(topology.clusters):
        yield from _malformed(cluster.pods, ("clusters", index, "pods"), 8, 21)
        yield from _malformed(cluster.services, ("clusters", index, "services"), 12, 24)


def _malformed(
    cidr: str | None, where: tuple[str | int, ...], widest: int, narrowest: int
) -> Iterator[Problem]:
    if cidr is None:
        return
    try:
        network = IPv4Network(cidr)
    except ValueError as error:
        yield Problem(where, f"not an IPv4 range: {error}")
        return
    if not widest <= network.prefixlen <= narrowest:
        yield Problem(where, f"{cidr} must be between /{widest} and /{narrowest}")
    if not network.is_private:
        yield Problem(where, f"{cidr} is not private address space")


def _overlaps(topology: Topology) -> Iterator[Problem]:
    plan = plan_networks(topology)
    for one, other in combinations(plan.networks, 2):
        if IPv4Network(one.cidr).overlaps(IPv4Network(other.cidr)):
            index = [n.name for n in topology.networks].index(other.name)
            yield Problem(
                ("networks", index),
                f"network {other.name!r} ({other.cidr}) overlaps {one.name!r} ({one.cidr})",
            )
    for one_range, other_range in combinations(_ranges(topology), 2):
        if one_range.network == other_range.network and one_range.overlaps(other_range):
            yield Problem(
                other_range.where,
                f"{other_range.label} overlaps {one_range.label} "
                f"on network {other_range.network!r}",
            )


@dataclass(frozen=True, slots=True)
class _Range:
    network: str
    label: str
    cidr: str
    where: tuple[str | int, ...]

    def overlaps(self, other: "_Range") -> bool:
        return IPv4Network(self.cidr).overlaps(IPv4Network(other.cidr))


def _ranges(topology: Topology) -> Iterator[_Range]:
    plan = plan_networks(topology)
    for network in plan.networks:
        yield _Range(network.name, f"network {network.name!r} ({network.cidr})", network.cidr, ())
    for index, cluster in enumerate(plan.clusters):
        for kind, cidr in (("pods", cluster.pods), ("services", cluster.services)):
            label = f"{kind} of {cluster.name!r} ({cidr})"
            yield _Range(cluster.network, label, cidr, ("clusters", index, kind))
