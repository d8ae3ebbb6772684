"""Reads what was recorded on the wires of a lab: which flows there were, and what they said."""

import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain

from harness.converge import pause
from harness.model import NetworkPlan
from harness.providers.base import Flow

_FILE_HEADER = 24
_RECORD = struct.Struct("<8xI4x")
_ETHERNET = 14
_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp"}
#: How long a packet may take from the wire into the file.
_LAG = 0.05


class Owners:
    """Knows which cluster an address belongs to."""

    def __init__(self, plan: NetworkPlan) -> None:
        self._ranges = [(IPv4Network(cluster.pods), cluster.name) for cluster in plan.clusters]
        self._single = {
            address: cluster.name
            for cluster in plan.clusters
            for address in (*cluster.load_balancers, *(node.address for node in cluster.nodes))
        }
        self._known: dict[str, str] = {}

    def of(self, address: str) -> str:
        """Return the cluster's name, empty if the address is nobody's."""
        if address not in self._known:
            self._known[address] = self._single.get(address) or self._by_range(address)
        return self._known[address]

    def _by_range(self, address: str) -> str:
        parsed = IPv4Address(address)
        return next((name for network, name in self._ranges if parsed in network), "")


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording between clusters. Packets within a cluster, or of the lab's own, are left out.

    ``sources`` read what was recorded so far in one place each: the whole file.
    """

    sources: Sequence[Callable[[], bytes]]
    owners: Owners

    def flows(self) -> Sequence[Flow]:
        """Return every flow seen so far."""
        counted = Counter(_flow(packet) for packet in self._packets())
        return [
            Flow(source, target, protocol, source_port, target_port, packets)
            for (source, target, protocol, source_port, target_port), packets in counted.items()
        ]

    def contains(self, token: bytes) -> bool:
        """Say whether any packet seen so far carried ``token`` in clear."""
        return any(token in packet for packet in self._packets())

    def _packets(self) -> Iterator[bytes]:
        pause(_LAG, why="what is on the wire by now must be in the file")
        for packet in chain.from_iterable(frames(read()) for read in self.sources):
            source, target = (self.owners.of(end) for end in _ends(packet))
            if source and target and source != target:
                yield packet


def frames(recorded: bytes) -> Iterator[bytes]:
    """Yield the IPv4 packets of a pcap file, without their Ethernet headers.

    The last record may be half-written; it is left for the next reading.
    """
    position = _FILE_HEADER
    while position + _RECORD.size <= len(recorded):
        (length,) = _RECORD.unpack_from(recorded, position)
        position += _RECORD.size
        frame = recorded[position : position + length]
        position += length
        if len(frame) == length >= _ETHERNET + 20 and frame[12:14] == b"\x08\x00":
            yield frame[_ETHERNET:]


def _ends(packet: bytes) -> tuple[str, str]:
    return ".".join(map(str, packet[12:16])), ".".join(map(str, packet[16:20]))


def _flow(packet: bytes) -> tuple[str, str, str, int, int]:
    source, target = _ends(packet)
    protocol = _PROTOCOLS.get(packet[9], "other")
    start = (packet[0] & 0x0F) * 4
    first_fragment = not int.from_bytes(packet[6:8], "big") & 0x1FFF
    if protocol in ("tcp", "udp") and first_fragment and len(packet) >= start + 4:
        return (source, target, protocol, *struct.unpack_from(">HH", packet, start))
    return source, target, protocol, 0, 0
