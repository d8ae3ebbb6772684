"""The node's edges: networks, logs, watches, its own Node object."""

import shutil
from pathlib import Path

import pytest

from harness.model import MachineError, ToolError
from harness.providers.podrunner import logs, node_object
from harness.providers.podrunner.network import BridgePlugin
from tests.unit.podrunner.conftest import Recorder, config


def test_addresses_are_the_nodes_and_the_first_is_the_gateways() -> None:
    shell = Recorder()
    networks = BridgePlugin("node1", "10.9.0.0/24", "cni0", shell)
    assert [networks.set_up().address for _ in range(2)] == ["10.9.0.2", "10.9.0.3"]
    assert shell.env is not None
    assert shell.env["GATEWAY"] == "10.9.0.1"
    assert shell.env["MAC"] == "0a:58:0a:09:00:03"


def test_a_freed_address_is_the_last_to_be_used_again() -> None:
    networks = BridgePlugin("node1", "10.9.0.0/29", "cni0", Recorder())
    first = networks.set_up()
    networks.tear_down(first)
    assert [networks.set_up().address[-1] for _ in range(5)] == ["3", "4", "5", "6", "2"]
    with pytest.raises(MachineError, match="no address left"):
        networks.set_up()


def test_a_freed_address_is_unreachable_until_it_is_used_again() -> None:
    shell = Recorder()
    networks = BridgePlugin("node1", "10.9.0.0/29", "cni0", shell)
    networks.tear_down(networks.set_up())
    assert ("ip", "route", "replace", "unreachable", "10.9.0.2") in shell.ran
    *_, script = shell.ran[0]
    assert script.startswith("ip route del unreachable $ADDRESS")


def test_a_network_that_fails_half_way_leaves_nothing() -> None:
    shell = Recorder(exit_code=1)
    networks = BridgePlugin("node1", "10.9.0.0/29", "cni0", shell)
    with pytest.raises(ToolError):
        networks.set_up()
    assert ("ip", "netns", "del", "node1-pod1") in shell.ran


def test_a_node_removes_what_an_earlier_one_left(tmp_path: Path) -> None:
    shell = Recorder()
    for name in ("node1-pod7", "node2-pod7"):
        (tmp_path / name).touch()
    for name in ("all", "default", "cni0"):
        (tmp_path / name).mkdir()
    BridgePlugin("node1", "10.9.0.0/29", "cni0", shell).initialize(tmp_path, tmp_path)
    assert ("ip", "netns", "del", "node1-pod7") in shell.ran
    assert (tmp_path / "cni0/send_redirects").read_text() == "0"


def test_the_tail_of_a_log_begins_at_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(20_000)))
    whole = log.read_bytes()
    for lines in (0, 1, 3, 15_000):
        assert whole[logs.tail_at(log, lines) :].count(b"\n") == lines
    assert logs.tail_at(log, 50_000) == 0
    log.write_bytes(b"a\nb\nunfinished")
    assert log.read_bytes()[logs.tail_at(log, 2) :] == b"b\nunfinished"


def test_a_long_log_is_cut_down_in_place(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old line\n" * 100)
        assert not logs.rotate(log, 900)
        assert logs.rotate(log, 100)
        writer.write(b"new line\n")
    assert log.read_bytes() == b"old line\n" * 5 + b"new line\n"
    assert not logs.rotate(tmp_path / "gone", 1)


def test_logs_of_a_pod_that_goes_away_meanwhile_are_left_out(tmp_path: Path) -> None:
    for number in range(40):
        log = tmp_path / f"pod{number}/logs/main/0.log"
        log.parent.mkdir(parents=True)
        log.touch()
    found = logs.below(tmp_path)
    assert next(found).is_file()
    for pod in tmp_path.iterdir():
        shutil.rmtree(pod)
    assert len(list(found)) < 40


def test_a_log_is_read_once_unless_followed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"some text")
    assert b"".join(logs.read(log, 5, lambda: False)) == b"text"


def test_the_node_carries_its_place_and_its_door(tmp_path: Path) -> None:
    known = config(tmp_path)
    labels = node_object.node(known)["metadata"]["labels"]
    assert labels["topology.kubernetes.io/region"] == "r1"
    assert labels["topology.kubernetes.io/zone"] == "z1"
    status = node_object.status(known, 0.0)
    assert status["daemonEndpoints"] == {"kubeletEndpoint": {"Port": 10250}}
    assert {item["type"]: item["status"] for item in status["conditions"]}["Ready"] == "True"
