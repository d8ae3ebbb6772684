"""Ends that nobody planned: of the owner, the supervisor, an API server, a build."""

import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness import shell
from harness.converge import Budget, concurrently, eventually
from harness.kube import Kube
from harness.model import ApiError, Lab, MachineError, plan_networks
from harness.phases import Phases
from harness.probes.caller import Caller
from harness.providers.base import RaiseOptions
from harness.providers.embedded import fabric
from harness.providers.embedded.control import Control
from harness.providers.embedded.provider import EmbeddedProvider
from harness.providers.fabric import state
from harness.providers.fabric.state import STATE_VARIABLE, State
from harness.shell import Running
from tests.live.owner import single

OWNER = Path(__file__).parents[1] / "owner.py"
SOON = Budget(timeout=20, interval=0.02)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, provider: EmbeddedProvider) -> Iterator[Path]:
    """A place for labs of its own, so that "nothing is left" can be said."""
    with tempfile.TemporaryDirectory(prefix="mp-", dir="/tmp") as made:
        monkeypatch.setenv(STATE_VARIABLE, made)
        yield Path(made)


@pytest.fixture
def own(place: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start ``owner.py`` with arguments; whatever it raised is gone afterwards."""
    started: list[Running] = []

    def start(*arguments: str) -> Running:
        argv = [sys.executable, str(OWNER), "embedded", *arguments]
        started.append(
            shell.start("owner", argv, output=tmp_path / "owner.log", env=dict(os.environ))
        )
        return started[-1]

    yield start
    for running in started:
        running.end()
    for lab in filter(None, map(state.loaded, state.present())):
        EmbeddedProvider().down(lab)


def raised(tmp_path: Path) -> Lab:
    """Wait for the lab that the owner prints."""
    log = tmp_path / "owner.log"
    eventually(
        lambda: [line for line in log.read_text().splitlines() if line.startswith("{")],
        bool,
        what="the owner has raised its lab",
        budget=Budget(timeout=60, interval=0.05),
    )
    line = next(line for line in log.read_text().splitlines() if line.startswith("{"))
    return Lab.load(json.loads(line))


def descendants(pid: int) -> set[int]:
    """Return every process below ``pid``, as the machine sees them."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    found = {int(child) for child in children.read_text().split()} if children.exists() else set()
    return found.union(*(descendants(child) for child in found))


def gone(pids: set[int]) -> None:
    eventually(
        lambda: {pid for pid in pids if state.start_time(pid)},
        lambda left: not left,
        what="every process of the lab has ended",
        budget=SOON,
    )


def port_of(lab: Lab) -> int:
    servers = json.loads(Path(lab.clusters[0].kubeconfig).read_text())["clusters"]
    return int(servers[0]["cluster"]["server"].rpartition(":")[2])


def up(provider: EmbeddedProvider) -> Lab:
    topology = single()
    return provider.up(topology, plan_networks(topology), Phases(), RaiseOptions())


def surroundings() -> dict[str, object]:
    """Return what a lab must not touch on this machine, as far as this user may read it."""
    settings = ("ip_forward", "conf/all/send_redirects", "conf/all/route_localnet")
    named = Path("/run/netns")
    return {
        "links": sorted(link.name for link in Path("/sys/class/net").iterdir()),
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "namespaces": sorted(os.listdir(named)) if named.exists() else [],  # noqa: PTH208
        "routes": Path("/proc/net/route").read_text(),
        "rules": shell.LocalShell().run(["/usr/sbin/iptables-save"]).stdout.replace("\n#", ""),
        "settings": [Path("/proc/sys/net/ipv4", name).read_text() for name in settings],
    }


def test_the_surroundings_are_the_same_during_a_lab_and_after(
    place: Path, provider: EmbeddedProvider
) -> None:
    before = surroundings()
    lab = up(provider)
    try:
        assert surroundings() == before
    finally:
        provider.down(lab)
    assert surroundings() == before
    assert not list(place.iterdir())


def test_labs_are_raised_beside_each_other(place: Path, provider: EmbeddedProvider) -> None:
    labs = concurrently(lambda _: up(provider), [1, 2])
    try:
        versions = {Kube(lab.clusters[0].kubeconfig).version() for lab in labs}
        assert len(versions) == 1
        assert len({lab.id for lab in labs}) == 2
    finally:
        for lab in labs:
            provider.down(lab)
    assert not list(place.iterdir())


def test_down_is_idempotent_and_leaves_nobody_listening(
    place: Path, provider: EmbeddedProvider
) -> None:
    lab = up(provider)
    port = port_of(lab)
    assert provider.stands(lab)
    provider.down(lab)
    provider.down(lab)
    assert not provider.stands(lab)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_killed_owner_leaves_nothing(
    place: Path, own: Callable[..., Running], tmp_path: Path
) -> None:
    owner = own("raise")
    lab = raised(tmp_path)
    port, inside = port_of(lab), descendants(owner.pid)
    assert len(inside) > 8
    owner.signal(signal.SIGKILL)
    owner.wait(10)
    gone(inside)
    assert not list(place.iterdir())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


@pytest.mark.parametrize("milestone", ["maker", "supervisor", "control", "lab.json"])
def test_ctrl_c_leaves_nothing_whenever_it_comes(
    milestone: str, place: Path, own: Callable[..., Running]
) -> None:
    owner = own("raise")
    eventually(
        lambda: list(place.glob(f"*/{milestone}")), bool, what=f"{milestone} exists", budget=SOON
    )
    inside = descendants(owner.pid)
    owner.signal(signal.SIGINT)
    assert owner.wait(15) not in (None, 0)
    gone(inside)
    assert not list(place.iterdir())


def test_a_killed_supervisor_leaves_a_directory_and_reap_removes_it(
    place: Path, provider: EmbeddedProvider
) -> None:
    lab = up(provider)
    holder = State(Path(lab.state_dir)).holder()
    assert holder is not None
    inside = descendants(holder)
    os.kill(min(inside), signal.SIGKILL)
    gone(inside)
    eventually(lambda: provider.stands(lab), lambda stands: not stands, what="it fell", budget=SOON)
    assert provider.reap() == [lab.id]
    assert not list(place.iterdir())
    provider.down(lab)


def test_reap_leaves_a_living_lab_alone(place: Path, provider: EmbeddedProvider) -> None:
    lab = up(provider)
    try:
        assert provider.reap() == []
        assert provider.stands(lab)
    finally:
        provider.down(lab)


def test_a_kept_lab_outlives_its_owner(
    place: Path, own: Callable[..., Running], tmp_path: Path, provider: EmbeddedProvider
) -> None:
    owner = own("keep")
    lab = raised(tmp_path)
    assert owner.wait(10) == 0
    assert Kube(lab.clusters[0].kubeconfig).version() == lab.clusters[0].version
    provider.down(lab)
    assert not list(place.iterdir())


def test_a_cut_ends_with_the_process_that_made_it(
    lab: Lab, own: Callable[..., Running], tmp_path: Path, callers: dict[str, Caller]
) -> None:
    file = tmp_path / "lab.json"
    file.write_text(json.dumps(lab.dump()))
    url = f"http://{callers['near'].ip}:8080/"
    cutter = own("cut", str(file))
    eventually(
        lambda: callers["east"].call(url, timeout=0.5).ok,
        lambda ok: not ok,
        what="the cut holds",
        budget=SOON,
    )
    cutter.signal(signal.SIGKILL)
    cutter.wait(10)
    eventually(
        lambda: callers["east"].call(url, timeout=0.5).ok, bool, what="it healed", budget=SOON
    )


def test_a_killed_api_server_is_an_api_error_and_comes_back_with_what_it_knew(
    place: Path, provider: EmbeddedProvider
) -> None:
    lab = up(provider)
    try:
        kube = Kube(lab.clusters[0].kubeconfig)
        kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "known"}})
        with provider.api_killed(lab, cluster="east"):
            with pytest.raises(ApiError) as refused:
                kube.version()
            assert refused.value.status == 0
            assert "exited -9" in provider.evidence(lab)["processes.txt"]
        eventually(lambda: answers(kube), bool, what="it is back", budget=SOON)
        assert kube.find("Namespace", "known")
        with Control(State(Path(lab.state_dir)).control) as control:
            assert set(control.states().values()) == {None}
    finally:
        provider.down(lab)


def test_a_controller_that_dies_is_started_again(lab: Lab) -> None:
    name = "east-kube-controller-manager"
    with Control(State(Path(lab.state_dir)).control) as control:
        control.signal(name, signal.SIGKILL)
        eventually(control.states, lambda seen: seen[name] is not None, what="it died", budget=SOON)
        eventually(control.states, lambda seen: seen[name] is None, what="it is back", budget=SOON)


def answers(kube: Kube) -> bool:
    try:
        return bool(kube.version())
    except ApiError:
        return False


def test_a_fabric_that_cannot_be_built_says_why_and_leaves_nothing(
    place: Path, provider: EmbeddedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fabric, "links", lambda plan: ("link add nonsense type nonsense",))
    with pytest.raises(MachineError, match="nonsense"):
        up(provider)
    assert not list(place.iterdir())


def test_a_lab_that_is_gone_says_so(place: Path, provider: EmbeddedProvider) -> None:
    lab = up(provider)
    provider.down(lab)
    with pytest.raises(MachineError, match="does not answer"):
        Control(State(Path(lab.state_dir)).control)
    assert provider.evidence(lab)["supervisor.txt"]


def test_evidence_tells_of_every_program_and_no_secret(
    lab: Lab, provider: EmbeddedProvider
) -> None:
    found = provider.evidence(lab)
    assert {"supervisor.log", "cloud.log", "east-kube-apiserver.log", "fabric.txt"} <= set(found)
    assert "FORWARD DROP" in found["fabric.txt"]
    assert not any("PRIVATE KEY" in text for text in found.values())
