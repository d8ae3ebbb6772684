"""What every holder of a lab does alike: run programs, undo them, end with its owner."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import shell
from harness.converge import Budget, eventually
from harness.model import MachineError
from harness.providers.fabric import state
from harness.providers.fabric.claims import start_time
from harness.providers.fabric.control_client import ControlClient
from harness.providers.fabric.cuts import Change
from harness.providers.fabric.holding import Arguments, Holder
from harness.providers.fabric.session import Request, Session
from harness.providers.fabric.state import State
from harness.shell import LocalShell, Shell

SOON = Budget(timeout=10, interval=0.01)


class Paper(Holder):
    """Holds nothing; its namespaces are directories."""

    def __init__(self, place: State) -> None:
        super().__init__(place, quick={}, slow={"mark": self._mark})
        self.over = False
        self.trouble: Exception | None = None

    def shell(self, namespace: str, session: Session | None = None) -> Shell:
        started = None if session is None else session.works
        return LocalShell(cwd=self.place.path / namespace, started=started)

    def abandoned(self) -> None:
        if self.trouble:
            raise self.trouble
        self.place.remove()

    def _mark(self, session: Session, request: Request) -> None:
        self.change(session, Change("node", ("touch", "mark"), ("rm", "mark")))
        self.change(session, Change("node", ("ls", "mark"), ("ls", "mark")))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setattr(state, "base", lambda: tmp_path)
    made = state.new().make("paper")
    (made.path / "node").mkdir()
    return made


@pytest.fixture
def served(place: State) -> Iterator[State]:
    holder = Paper(place)

    def serve() -> None:
        while not holder.over:
            holder.turn()

    holder.control.open(place.control)
    loop = threading.Thread(target=serve)
    loop.start()
    yield place
    holder.control.post(lambda: setattr(holder, "over", True))
    loop.join(10)
    holder.control.close()
    assert not loop.is_alive()


def test_a_program_is_run_in_its_namespace_and_undone_with_the_visit(served: State) -> None:
    mark = served.path / "node" / "mark"
    with ControlClient(served.control) as control:
        done = control.run("node", ["sh", "-c", "cat > mark; pwd"], stdin="x", undo=["rm", "mark"])
        assert done.checked().strip() == str(mark.parent)
        assert mark.read_text() == "x"
    assert not mark.exists()


def test_a_program_that_fails_or_is_too_slow_has_nothing_to_undo(served: State) -> None:
    mark = served.path / "node" / "mark"
    with ControlClient(served.control) as control:
        assert control.run("node", ["false"], undo=["touch", "mark"]).exit_code == 1
        slow = control.run("node", ["sleep", "60"], timeout=0.1, undo=["touch", "mark"])
        assert (slow.exit_code, slow.stderr) == (124, "gave up after 0.1s")
    assert not mark.exists()


def test_what_cannot_be_undone_is_not_passed_over(served: State) -> None:
    with (
        pytest.raises(MachineError, match="not undone: ToolError: rm absent exited 1"),
        ControlClient(served.control) as control,
    ):
        control.run("node", ["true"], undo=["rm", "absent"])


def test_changes_are_undone_the_last_one_first(served: State) -> None:
    with ControlClient(served.control) as control:
        control.ask("mark")
        assert (served.path / "node" / "mark").exists()
    assert not (served.path / "node" / "mark").exists()


def test_a_program_is_given_up_with_its_visitor(served: State) -> None:
    control = ControlClient(served.control)
    pid = served.path / "node" / "pid"
    script = ["sh", "-c", "echo $$ > pid.new; mv pid.new pid; sleep 60 & wait"]
    asking = threading.Thread(target=lost, args=(control, script))
    asking.start()
    eventually(pid.exists, bool, what="it runs", budget=SOON)
    control._socket.shutdown(2)
    asking.join(10)
    number = int(pid.read_text())
    eventually(lambda: start_time(number), lambda seen: not seen, what="it ended", budget=SOON)


def lost(control: ControlClient, argv: list[str]) -> None:
    with pytest.raises(MachineError, match="is gone"), control:
        control.run("node", argv, timeout=60)


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"argv": "true"},
        {"argv": []},
        {"argv": [1]},
        {"argv": ["true"], "timeout": -1},
        {"argv": ["true"], "undo": "false"},
        {"argv": ["true"], "colour": "red"},
        {"argv": ["true"], "namespace": ["node"]},
    ],
)
def test_a_program_of_which_too_little_or_nonsense_is_told_is_not_run(
    details: dict[str, Any], served: State
) -> None:
    with ControlClient(served.control) as control:
        with pytest.raises(MachineError, match="could not run: ValidationError"):
            control.ask("run", **{"namespace": "node", **details})
        assert control.run("node", ["true"]).exit_code == 0


def test_a_holder_reads_what_its_starter_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["holder", "/labs/ab", "7", "east=8", "west=9"])
    told = Arguments.read()
    assert (told.place, told.owner) == (State(Path("/labs/ab")), 7)
    assert told.listeners == {"east": 8, "west": 9}


@pytest.mark.parametrize(("trouble", "code"), [(None, 0), (ExceptionGroup("", [OSError("x")]), 1)])
def test_a_holder_ends_with_its_owner(
    trouble: Exception | None, code: int, place: State, tmp_path: Path
) -> None:
    owner = shell.start("owner", ["sleep", "60"], output=tmp_path / "log")
    descriptor = os.pidfd_open(owner.pid)
    holder = Paper(place)
    holder.trouble = trouble
    owner.signal(signal.SIGKILL)
    owner.wait(10)
    with pytest.raises(SystemExit) as ended:
        holder.serve(descriptor)
    os.close(descriptor)
    assert ended.value.code == code
    assert place.path.exists() is (trouble is not None)
