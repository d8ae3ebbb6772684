"""What is read from a recording."""

import struct
from pathlib import Path

import pytest

from harness.model import NetworkPlan
from harness.providers.base import Flow
from harness.providers.fabric import pcap
from harness.providers.fabric.pcap import Owners, Recording
from harness.providers.fabric.sniffer import HEADER


def packet(source: str, target: str, ports: tuple[int, int], said: bytes = b"") -> bytes:
    ends = bytes(map(int, source.split("."))) + bytes(map(int, target.split(".")))
    start = b"\x45" + bytes(8) + b"\x06" + bytes(2)
    return start + ends + struct.pack(">HH", *ports) + said


def framed(content: bytes, kind: int = 0x0800) -> bytes:
    frame = bytes(12) + struct.pack(">H", kind) + content
    return struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame


@pytest.fixture
def recorded(tmp_path: Path, plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch) -> Recording:
    monkeypatch.setattr(pcap, "_LAG", 0.0)
    packets = [
        framed(packet("10.77.1.11", "10.77.2.31", (40000, 6443), b"open sesame")),
        framed(packet("10.77.1.11", "10.77.2.31", (40000, 6443))),
        framed(packet("10.11.0.5", "10.12.0.7", (40001, 8080))),
        framed(packet("10.11.0.5", "10.11.1.7", (40002, 8080), b"at home")),
        framed(packet("10.77.1.1", "10.77.2.31", (40003, 6443), b"the lab itself")),
        framed(packet("10.77.1.11", "10.77.2.31", (1, 2)), kind=0x0806),
    ]
    half = framed(packet("10.77.1.11", "10.77.2.31", (9, 9)))[:-3]
    path = tmp_path / "recorded.pcap"
    path.write_bytes(HEADER + b"".join(packets) + half)
    return Recording([path.read_bytes], Owners(plan))


def test_flows_are_counted_between_clusters_and_nowhere_else(recorded: Recording) -> None:
    assert set(recorded.flows()) == {
        Flow("10.77.1.11", "10.77.2.31", "tcp", 40000, 6443, 2),
        Flow("10.11.0.5", "10.12.0.7", "tcp", 40001, 8080, 1),
    }


def test_words_within_a_cluster_are_not_on_the_wire_between_clusters(recorded: Recording) -> None:
    assert recorded.contains(b"sesame")
    assert not recorded.contains(b"at home")
    assert not recorded.contains(b"the lab itself")


def test_addresses_of_gateways_nodes_and_pods_have_owners(plan: NetworkPlan) -> None:
    owners = Owners(plan)
    assert owners.of(plan.cluster("west").load_balancers[3]) == "west"
    assert owners.of("10.12.77.1") == "near"
    assert owners.of("10.77.1.1") == ""
