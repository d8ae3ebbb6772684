"""Ranges of addresses that are no ranges, overlap, or have no room for what is planned in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import combinations

from harness.model.plan import NetworkPlan, plan_networks
from harness.model.problem import Problem, Where
from harness.model.topology import Topology


def malformed(topology: Topology) -> Iterator[Problem]:
    """Yield what is declared as a range and is none, or one of an unsuitable size."""
    for index, network in enumerate(topology.networks):
        yield from _malformed(network.cidr, ("networks", index, "cidr"), 16, 25)
    for index, cluster in enumerate(topology.clusters):
        yield from _malformed(cluster.pods, ("clusters", index, "pods"), 8, 21)
        yield from _malformed(cluster.services, ("clusters", index, "services"), 12, 24)


def _malformed(cidr: str | None, where: Where, widest: int, narrowest: int) -> Iterator[Problem]:
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


def overlaps(topology: Topology) -> Iterator[Problem]:
    """Yield ranges that may not overlap and do, and addresses that their range has no room for.

    Pod and Service ranges may overlap where no packet could go astray: on separate segments.
    Nothing may overlap the range of a network, since every router must tell it apart.
    """
    plan = plan_networks(topology)
    for one, other in combinations(_ranges(plan), 2):
        if one.conflicts(other) and one.overlaps(other):
            message = f"{other.label} overlaps {one.label}"
            shared = f" on network {other.network!r}" if one.network == other.network else ""
            yield Problem(other.where, message + shared)
    yield from _crowded(topology, plan)


@dataclass(frozen=True, slots=True)
class _Range:
    network: str
    segment: str
    label: str
    cidr: str
    where: Where
    of_network: bool = False

    def overlaps(self, other: "_Range") -> bool:
        return IPv4Network(self.cidr).overlaps(IPv4Network(other.cidr))

    def conflicts(self, other: "_Range") -> bool:
        return self.of_network or other.of_network or self.segment == other.segment


def _ranges(plan: NetworkPlan) -> Iterator[_Range]:
    for index, network in enumerate(plan.networks):
        label = f"network {network.name!r} ({network.cidr})"
        where = ("networks", index)
        yield _Range(network.name, network.segment, label, network.cidr, where, of_network=True)
    for index, cluster in enumerate(plan.clusters):
        segment = plan.segment(cluster.network)
        for kind, cidr in (("pods", cluster.pods), ("services", cluster.services)):
            label = f"{kind} of {cluster.name!r} ({cidr})"
            yield _Range(cluster.network, segment, label, cidr, ("clusters", index, kind))


def _crowded(topology: Topology, plan: NetworkPlan) -> Iterator[Problem]:
    """Addresses of nodes and machines must lie below those of gateways, all inside the range."""
    for index, network in enumerate(plan.networks):
        own = [cluster for cluster in plan.clusters if cluster.network == network.name]
        taken = [node.address for cluster in own for node in cluster.nodes]
        taken += [each.address for each in plan.machines if each.network == network.name]
        pool = [address for cluster in own for address in cluster.load_balancers]
        cidr = IPv4Network(network.cidr)
        last = max(map(IPv4Address, taken), default=cidr[0])
        first = min(map(IPv4Address, pool), default=cidr[-1])
        if last >= first or last not in cidr or first not in cidr:
            many = f"{len(topology.clusters)} clusters and {len(topology.machines)} machines"
            message = f"network {network.name!r} ({network.cidr}) has no room for {many}"
            yield Problem(("networks", index), f"{message}; declare a wider 'cidr'")
