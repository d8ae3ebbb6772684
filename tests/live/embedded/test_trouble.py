"""Ends that nobody planned: of the owner, the supervisor, an API server, a build."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from harness.converge import Budget, concurrently, eventually
from harness.kube import Kube
from harness.model import ApiError, Lab, MachineError, plan_networks
from harness.phases import Phases
from harness.probes.caller import Caller
from harness.providers.base import RaiseOptions
from harness.providers.embedded import fabric
from harness.providers.embedded.control import ControlClient
from harness.providers.embedded.provider import EmbeddedProvider
from harness.providers.fabric.state import State
from tests.live.owner import single
from tests.live.trouble import (
    Owners,
    descendants,
    gone,
    heals_with_its_maker,
    own_place,
    owners,
    surroundings,
)

SOON = Budget(timeout=20, interval=0.02)
RAISED = Budget(timeout=60, interval=0.05)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch, provider: EmbeddedProvider) -> Iterator[Path]:
    with own_place(monkeypatch.setenv) as made:
        yield made


@pytest.fixture
def own(place: Path, tmp_path: Path, provider: EmbeddedProvider) -> Iterator[Owners]:
    with owners(provider, tmp_path, grace=5) as found:
        yield found


def port_of(lab: Lab) -> int:
    servers = json.loads(Path(lab.clusters[0].kubeconfig).read_text())["clusters"]
    return int(servers[0]["cluster"]["server"].rpartition(":")[2])


def up(provider: EmbeddedProvider) -> Lab:
    topology = single()
    return provider.up(topology, plan_networks(topology), Phases(), RaiseOptions())


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


def test_a_killed_owner_leaves_nothing(place: Path, own: Owners) -> None:
    owner = own("raise")
    lab = own.lab(RAISED)
    port, inside = port_of(lab), descendants(owner.pid)
    assert len(inside) > 8
    owner.signal(signal.SIGKILL)
    owner.wait(10)
    gone(inside)
    assert not list(place.iterdir())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_a_killed_owner_leaves_nothing_of_a_lab_that_was_to_be_kept_either(
    place: Path, own: Owners
) -> None:
    owner = own("keep")
    eventually(lambda: list(place.glob("*/control")), bool, what="it is begun", budget=SOON)
    inside = descendants(owner.pid)
    owner.signal(signal.SIGKILL)
    owner.wait(10)
    gone(inside)
    assert not list(place.iterdir())


@pytest.mark.parametrize("milestone", ["maker", "supervisor", "control", "lab.json"])
def test_ctrl_c_leaves_nothing_whenever_it_comes(milestone: str, place: Path, own: Owners) -> None:
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
    place: Path, own: Owners, provider: EmbeddedProvider
) -> None:
    owner = own("keep")
    lab = own.lab(RAISED)
    assert owner.wait(10) == 0
    assert Kube(lab.clusters[0].kubeconfig).version() == lab.clusters[0].version
    provider.down(lab)
    assert not list(place.iterdir())


def test_a_cut_ends_with_the_process_that_made_it(
    lab: Lab, own: Owners, callers: dict[str, Caller]
) -> None:
    assert heals_with_its_maker(own, lab, callers, soon=SOON)


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
        with ControlClient(State(Path(lab.state_dir)).control) as control:
            assert set(control.states().values()) == {None}
    finally:
        provider.down(lab)


def test_an_api_server_comes_back_when_the_process_that_killed_it_dies(
    place: Path, own: Owners, provider: EmbeddedProvider
) -> None:
    lab = up(provider)
    try:
        kube = Kube(lab.clusters[0].kubeconfig)
        killer = own("kill", str(own.noted(lab)))
        eventually(lambda: answers(kube), lambda seen: not seen, what="it is dead", budget=SOON)
        killer.signal(signal.SIGKILL)
        killer.wait(10)
        eventually(lambda: answers(kube), bool, what="it is back", budget=SOON)
    finally:
        provider.down(lab)


def test_a_lab_survives_a_thousand_requests_of_garbage(lab: Lab) -> None:
    path, chance = State(Path(lab.state_dir)).control, Random(7)
    with ControlClient(path) as control:
        before = control.states()
    for number in range(1000):
        with socket.socket(socket.AF_UNIX) as visitor, suppress(ConnectionError):
            visitor.settimeout(10)
            visitor.connect(str(path))
            visitor.sendall(sent := garbage(chance))
            if sent.endswith(b"\n") and number % 3 == 0:  # else, nobody waits for an answer
                visitor.recv(1 << 16)
    with ControlClient(path) as control:
        assert control.states() == before
        assert control.run("router", ["true"]).exit_code == 0


def garbage(chance: Random) -> bytes:
    """Return what no request is, or one that no handler can meet, or a part of one."""
    values: list[object] = [None, 1, "", "east", [], [1], {}, {"name": []}, "x" * 9000, -1, 1e400]
    verbs = ["borrow", "dance", "freeze", "kill", "release", "run", "signal", "start", ""]
    names = ["argv", "daemon", "name", "namespace", "number", "stage", "stdin", "timeout", "undo"]
    details = {chance.choice(names): chance.choice(values) for _ in range(3)}
    line = json.dumps({"do": chance.choice([*verbs, *values]), **details}).encode()
    return chance.choice(
        [
            line + b"\n",
            line[: chance.randrange(len(line))],
            chance.randbytes(chance.randrange(3000)) + b"\n",
            line[: len(line) // 2] + b"\n" + line + b"\n",
            b"[" * 20_000 + b"\n",
        ]
    )


def test_a_controller_that_dies_is_started_again(lab: Lab) -> None:
    name = "east-kube-controller-manager"
    with ControlClient(State(Path(lab.state_dir)).control) as control:
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
        ControlClient(State(Path(lab.state_dir)).control)
    assert provider.evidence(lab)["supervisor.txt"]


def test_evidence_tells_of_every_program_and_no_secret(
    lab: Lab, provider: EmbeddedProvider
) -> None:
    found = provider.evidence(lab)
    assert {"supervisor.log", "cloud.log", "east-kube-apiserver.log", "fabric.txt"} <= set(found)
    assert "FORWARD DROP" in found["fabric.txt"]
    assert not any("PRIVATE KEY" in text for text in found.values())
