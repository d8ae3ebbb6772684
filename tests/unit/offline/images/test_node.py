"""Process 1 of a node, as far as it can be looked at without being one."""

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.providers.offline.images.node import commands, first, ground, resolver, services, store
from harness.providers.offline.images.node.first import Node
from harness.providers.offline.images.node.services import Service, answer

RULES = """\
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:41385
-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:33291
-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp --sport 41385 -j SNAT --to-source :53
"""


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Service]:
    """A kubelet that only sleeps; it ends with the test."""
    monkeypatch.setattr(services, "_LOGS", tmp_path)
    service = Service("kubelet", lambda: ["sleep", "60"], ready=tmp_path / "ready")
    return {"kubelet": service}


def test_a_service_runs_once_it_is_wanted(known: dict[str, Service]) -> None:
    kubelet = known["kubelet"]
    assert kubelet.tend(0) is None
    assert not kubelet.pid
    assert answer(known, "is-active", "kubelet") == (services.INACTIVE, "inactive")
    assert answer(known, "start", "kubelet.service") == (0, "")
    kubelet.tend(time.monotonic())
    assert answer(known, "is-active", "kubelet") == (0, "active")
    answer(known, "stop", "kubelet")
    assert os.waitpid(kubelet.pid, 0)[1] == signal.SIGTERM


def test_a_service_that_ends_is_started_again_after_a_pause(known: dict[str, Service]) -> None:
    kubelet = known["kubelet"]
    kubelet.wanted, kubelet.pid = True, 1
    kubelet.ended(10.0)
    assert kubelet.tend(10.0) == pytest.approx(0.2)
    assert not kubelet.pid


def test_a_restart_takes_the_sign_of_readiness_away(known: dict[str, Service]) -> None:
    ready = known["kubelet"].ready
    assert ready
    ready.touch()
    answer(known, "restart", "kubelet")
    assert not ready.exists()
    assert known["kubelet"].wanted


@pytest.mark.parametrize(
    ("verb", "unit", "code"),
    [
        ("daemon-reload", "", 0),
        ("enable", "kubelet", 0),
        ("is-active", "firewalld", 5),
        ("mask", "kubelet", 1),
    ],
)
def test_systemctl_gets_the_exit_codes_that_it_knows(
    known: dict[str, Service], verb: str, unit: str, code: int
) -> None:
    assert answer(known, verb, unit)[0] == code


def test_orphans_are_reaped(known: dict[str, Service]) -> None:
    pid = commands.start(["true"], Path(os.devnull))
    node = Node(known={}, booted=True)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert node.tend() is None
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_the_flags_of_kubeadm_are_read_as_a_shell_would() -> None:
    text = "KUBELET_KUBEADM_ARGS=\"--node-ip=10.0.0.1 --node-labels= --x='a b'\"\n"
    assert services.kubeadm_flags(text) == ["--node-ip=10.0.0.1", "--node-labels=", "--x=a b"]
    assert services.kubeadm_flags("OTHER=1") == []


def test_kind_knows_by_one_line_that_a_node_is_up() -> None:
    assert first.greeting(unified=False) == "detected cgroup v1"
    assert "Multi-User System" in first.greeting(unified=True)


def test_where_the_engines_resolver_listens_is_read_from_its_rules() -> None:
    assert resolver.ports(RULES) == {"tcp": "127.0.0.11:41385", "udp": "127.0.0.11:33291"}
    assert resolver.ports("") == {}


def test_the_gateway_is_that_of_the_default_route() -> None:
    assert resolver.gateway_of("default via 172.30.1.1 dev eth0 \n") == "172.30.1.1"
    assert resolver.gateway_of("") == ""


def test_every_hierarchy_gets_the_group_of_pods_with_its_parents_processors(
    tmp_path: Path,
) -> None:
    (tmp_path / "cpuset").mkdir()
    (tmp_path / "cpuset/cpuset.cpus").write_text("0-1\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "cpu").symlink_to(tmp_path / "memory")
    ground.open_hierarchies(tmp_path)
    assert (tmp_path / "cpuset/kubelet/cpuset.cpus").read_text() == "0-1\n"
    assert (tmp_path / "memory/kubelet").is_dir()
    assert not ground.unified(tmp_path)


def test_one_hierarchy_is_handed_down_after_its_processes_moved_out(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory\n")
    (tmp_path / "cgroup.procs").write_text("17\n")
    ground.hand_down(tmp_path)
    assert (tmp_path / "init/cgroup.procs").read_text() == "17"
    assert (tmp_path / "kubelet/cgroup.subtree_control").read_text() == "+memory"
    assert ground.unified(tmp_path)


def test_what_the_kernel_refuses_is_left_as_it_is(tmp_path: Path) -> None:
    ground.write(tmp_path / "absent" / "file", "1")


def test_a_command_that_is_absent_is_told_by_its_code() -> None:
    assert commands.run(["/nonsense"]) == (127, "")
    assert commands.run(["sh", "-c", "echo said; exit 3"]) == (3, "said\n")


def test_a_store_that_does_not_serve_says_so_and_nobody_is_signalled_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(store, "_LOG", log)
    monkeypatch.setattr(store, "_SOCKET", tmp_path / "none")
    pids: list[int] = []

    def start(argv: Sequence[str], path: Path) -> int:
        pids.append(commands.start(["sh", "-c", "echo the disk is full; exit 3"], path))
        return pids[0]

    monkeypatch.setattr(store, "start", start)
    with pytest.raises(SystemExit, match="does not serve: the disk is full"):
        store.main()
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)


def test_snapshots_of_markers_become_links_to_layers(tmp_path: Path) -> None:
    snapshot = tmp_path / "7"
    (snapshot / "fs").mkdir(parents=True)
    (snapshot / "fs/.layer").write_text("proxyv2\nusr/local/bin/envoy 12\n")
    store.link(tmp_path, Path("/opt/layers"))
    assert (snapshot / "fs").readlink() == Path("/opt/layers/proxyv2")
