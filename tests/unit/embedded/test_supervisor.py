"""PID 1 of a lab: whom it kills, what it starts again, what it undoes with a visit."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.model import MachineError, ToolError
from harness.providers.embedded import supervisor
from harness.providers.embedded.control import ControlClient
from harness.providers.embedded.processes import Processes
from harness.providers.embedded.spec import Daemon, LabSpec
from harness.providers.embedded.supervisor import Supervisor
from harness.providers.fabric import state

SOON = Budget(timeout=10, interval=0.01)
SERVER = Daemon(name="server", namespace="", argv=("sleep", "60"), stage="core")


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Supervisor]:
    """A supervisor of one program in no namespace; its loop runs in a thread."""
    monkeypatch.setattr(state, "base", lambda: tmp_path)
    place, over = state.new().make("embedded"), threading.Event()
    spec = LabSpec(directories=(), links=(), namespaces=(), daemons=(SERVER,))
    made = Supervisor(place, spec, Processes(place.logs, {}))
    made.start("core")
    made.control.open(place.control)

    def serve() -> None:
        while not over.is_set():
            made.turn()

    loop = threading.Thread(target=serve)
    loop.start()
    yield made
    over.set()
    made.control.post(lambda: None)
    loop.join(10)
    made.control.close()
    made._processes.end("server")
    assert not loop.is_alive()


def visit(served: Supervisor) -> ControlClient:
    return ControlClient(served.place.control)


def runs(served: Supervisor) -> bool:
    return served._processes.runs("server")


def pid(served: Supervisor) -> int:
    """Return the server's number, 0 while there is none."""
    running = served._processes._running.get("server")
    return running.pid if running else 0


def test_what_a_visit_has_killed_is_started_again_when_the_visit_ends(served: Supervisor) -> None:
    before = pid(served)
    with visit(served) as control:
        control.kill("server")
        eventually(control.states, lambda seen: seen == {"server": -9}, what="dead", budget=SOON)
    eventually(lambda: runs(served), bool, what="it is back", budget=SOON)
    assert pid(served) != before


def test_it_is_started_again_for_the_last_of_those_who_killed_it(served: Supervisor) -> None:
    with visit(served) as patient:
        with visit(served) as control:
            control.kill("server")
            patient.kill("server")
            eventually(
                control.states, lambda seen: seen == {"server": -9}, what="dead", budget=SOON
            )
        assert patient.states() == {"server": -9}
    eventually(lambda: runs(served), bool, what="it is back", budget=SOON)


def test_who_hangs_up_at_once_leaves_nothing_dead(served: Supervisor) -> None:
    before = pid(served)
    control = visit(served)
    control._socket.sendall(b'{"do": "kill", "name": "server"}\n')
    control._answers.close()
    control._socket.close()
    eventually(
        lambda: runs(served) and pid(served) not in (0, before),
        bool,
        what="it is back",
        budget=SOON,
    )


def test_a_program_that_cannot_be_started_again_is_tried_until_it_can(
    served: Supervisor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(supervisor, "_BREATH", 0.01)
    start, refusals = Processes.start, [OSError("no memory"), ToolError(["sleep"], 127, "gone")]

    def refusing(self: Processes, daemon: Daemon) -> None:
        if refusals:
            raise refusals.pop()
        start(self, daemon)

    monkeypatch.setattr(Processes, "start", refusing)
    with visit(served) as control:
        control.kill("server")
    eventually(lambda: runs(served), bool, what="it is back", budget=SOON)
    assert "server does not start (no memory); it is tried again" in capsys.readouterr().err


def test_what_is_frozen_goes_on_with_the_end_of_the_visit(served: Supervisor) -> None:
    def stopped() -> bool:
        return Path(f"/proc/{pid(served)}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    with visit(served) as control:
        control.freeze("server")
        eventually(stopped, bool, what="it stands still", budget=SOON)
    eventually(stopped, lambda still: not still, what="it goes on", budget=SOON)


def test_what_is_borrowed_ends_with_the_visit_and_nothing_is_borrowed_twice(
    served: Supervisor,
) -> None:
    with visit(served) as control, visit(served) as other:
        control.borrow(SERVER.model_copy(update={"name": "guest"}))
        assert control.states() == {"server": None, "guest": None}
        with pytest.raises(MachineError, match="guest runs already"):
            other.borrow(SERVER.model_copy(update={"name": "guest"}))
    with visit(served) as control:
        assert control.states() == {"server": None}


def test_what_ends_by_itself_is_an_incident_and_what_was_killed_is_none(
    served: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Processes, "states", lambda _: {"server": 70})
    began = time.time()
    with visit(served) as control:
        control.kill("server")
        collect(served)
        assert control.incidents(began) == []
    collect(served)
    collect(served)
    with visit(served) as control:
        assert control.incidents(began) == ["server exited 70"]
        assert control.incidents(time.time() + 1) == []


def collect(served: Supervisor) -> None:
    """Let the supervisor hear that a child has ended, and wait until it has."""
    done = threading.Event()
    heard, says = socket.socketpair()
    with heard, says:
        says.send(b"!")
        served.control.post(lambda: served._collect(heard))
        served.control.post(done.set)
        assert done.wait(10)


@pytest.mark.parametrize("do", ["freeze", "kill", "signal"])
def test_what_nobody_knows_is_neither_killed_nor_frozen(do: str, served: Supervisor) -> None:
    with visit(served) as control:
        with pytest.raises(MachineError, match="KeyError: 'nobody'"):
            control.ask(do, name="nobody", number=9)
        assert control.states() == {"server": None}


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: seen.append((pid, number)))
    return seen


@pytest.mark.parametrize("pid", [2, 4711])
def test_nobody_is_killed_by_a_process_that_is_not_pid_1(
    pid: int, killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: pid)
    with pytest.raises(SystemExit, match=f"process {pid} is PID 1 of no lab"):
        supervisor.end_all()
    assert killed == []


def test_pid_1_ends_all_that_is_in_the_lab(
    killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    supervisor.end_all()
    assert killed == [(-1, signal.SIGKILL)]


def test_a_supervisor_that_is_started_by_hand_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["supervisor", "/nowhere", "3"])
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    with pytest.raises(SystemExit, match="4711 cannot hold a lab: it has to be PID 1"):
        supervisor.main()
