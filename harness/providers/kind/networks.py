"""Which ranges a lab takes on an engine, and the Docker networks that it is made of."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import chain
from typing import Any

from harness.model import MachineError, NetworkPlan
from harness.model.plan import BLOCK
from harness.providers.kind.naming import Names

#: Second octets that a lab's networks may have: pods and Services lie below and above.
BLOCKS = range(BLOCK, 110)
#: Bits of a block's prefix.
_WIDEST = 16
#: The first node's address on the transit network; machines come after all nodes.
_FIRST = 11


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A Docker network to be made; without a ``gateway`` the engine has no address on it."""

    name: str
    subnet: str
    bridge: str
    gateway: str = ""

    @property
    def options(self) -> dict[str, str]:
        """What Docker's bridge driver is told.

        Nobody leaves a lab, so nobody is masqueraded; it would befall what one network sends
        over the transit network, where the engine filters bridged packets.
        """
        options = {
            "com.docker.network.bridge.name": self.bridge,
            "com.docker.network.bridge.enable_ip_masquerade": "false",
        }
        if not self.gateway:
            options["com.docker.network.bridge.inhibit_ipv4"] = "true"
        return options


def is_free(block: int, used: Iterable[IPv4Network]) -> bool:
    """Say whether nothing lies under a second octet yet."""
    return not _overlaps(IPv4Network(f"10.{block}.0.0/16"), used)


def transit_range(plan: NetworkPlan, used: Iterable[IPv4Network]) -> IPv4Network:
    """Return a range for the transit network: beside the plan's own, if they are planned ones."""
    taken = [*used, *_ranges(plan)]
    own = (int(network.cidr.split(".")[1]) for network in plan.networks)
    for block in (*(block for block in own if block in BLOCKS), *BLOCKS):
        candidate = IPv4Network(f"10.{block}.0.0/24")
        if not _overlaps(candidate, taken):
            return candidate
    raise MachineError(
        "no range is left for the network between networks",
        "take labs down that still stand: meshproof labs, meshproof reap",
    )


def transit_addresses(plan: NetworkPlan, transit: IPv4Network) -> Mapping[str, str]:
    """Return each node's address on the transit network; nobody needs one on a single network."""
    inhabited = {each.network for each in plan.clusters} | {each.network for each in plan.machines}
    if len(inhabited) < 2:
        return {}
    nodes = chain.from_iterable(cluster.nodes for cluster in plan.clusters)
    return {node.name: str(transit[number]) for number, node in enumerate(nodes, _FIRST)}


def specs(names: Names, plan: NetworkPlan, transit: IPv4Network | None) -> list[NetworkSpec]:
    """Return the Docker networks of a lab, the transit network last if there is one."""
    found = [
        NetworkSpec(names.network(each.name), each.cidr, names.bridge(number), each.router)
        for number, each in enumerate(plan.networks, 1)
    ]
    if transit is not None:
        found.append(NetworkSpec(names.transit, str(transit), names.bridge(0)))
    return found


def subnets(networks: Iterable[Mapping[str, Any]]) -> Iterator[IPv4Network]:
    """Return the ranges that an engine's networks (as it describes them) take."""
    for network in networks:
        for config in (network.get("IPAM") or {}).get("Config") or []:
            if "." in config.get("Subnet", ""):
                yield IPv4Network(config["Subnet"], strict=False)


def routes(table: str) -> Iterator[IPv4Network]:
    """Return where the routes of ``/proc/net/route`` lead.

    Routes wider than a block are left out, as the default route and that of a VPN: a lab's own
    are narrower, so they win.
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        target, mask = (int.from_bytes(bytes.fromhex(fields[at]), "little") for at in (1, 7))
        if mask.bit_count() >= _WIDEST:
            yield IPv4Network((target, mask.bit_count()), strict=False)


def free_address(network: IPv4Network, used: Iterable[str]) -> str:
    """Return an address in the middle of a network that is not used, for a machine."""
    taken = set(used)
    middle = int(network.network_address) + network.num_addresses // 2
    for number in range(middle, int(network.broadcast_address)):
        address = str(IPv4Network(number)[0])
        if address not in taken:
            return address
    raise MachineError(f"no address is left on {network}", "use a larger range in the topology")


def _ranges(plan: NetworkPlan) -> Iterator[IPv4Network]:
    yield from (IPv4Network(network.cidr) for network in plan.networks)
    for cluster in plan.clusters:
        yield IPv4Network(cluster.pods)
        yield IPv4Network(cluster.services)


def _overlaps(candidate: IPv4Network, taken: Iterable[IPv4Network]) -> bool:
    return any(candidate.overlaps(each) for each in taken)
