"""Whatever visitors send and handlers raise, who holds a lab goes on and undoes their changes."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness import shell
from harness.converge import Budget, eventually
from harness.model import MachineError
from harness.providers.fabric import control_client, control_server, session, state
from harness.providers.fabric.control_client import ControlClient
from harness.providers.fabric.control_server import ControlServer
from harness.providers.fabric.session import Request, Session
from harness.shell import LocalShell

BEARER = "authorization: Bearer abcdefghijklmnop"
SOON = Budget(timeout=10, interval=0.01)


class Panic(BaseException):
    """As libraries in Rust raise it."""


class Told(BaseModel):
    number: int


class Lab:
    """A process that holds a lab, as far as visitors see it; its loop runs in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.undone: list[str] = []
        self.given_up: list[int] = []
        self.leave = threading.Event()
        self.inside = threading.Semaphore(0)
        self.server = ControlServer(
            quick={"change": self._change, "raise": self._raise, "odd": lambda *_: object()},
            slow={"program": self._program, "raise slowly": self._raise, "wait": self._wait},
        )
        self._over = False
        self._loop = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while not self._over:
            self.server.turn()

    def __enter__(self) -> "Lab":
        self.server.open(self.path)
        self._loop.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave.set()
        self.server.post(lambda: setattr(self, "_over", True))
        self._loop.join(10)
        assert not self._loop.is_alive()
        self.server.close()

    def visit(self) -> socket.socket:
        made = socket.socket(socket.AF_UNIX)
        made.settimeout(10)
        made.connect(str(self.path))
        return made

    def answers(self) -> bool:
        """Say whether a visitor who asks properly is served."""
        with ControlClient(self.path) as visitor:
            visitor.ask("change")
        return self.undone[-2:] == ["last", "first"]

    def _change(self, visit: Session, request: Request) -> None:
        visit.undo_by(lambda: self.undone.append("first"))
        if request.get("undone badly"):
            visit.undo_by(self._fail)
        visit.undo_by(lambda: self.undone.append("last"))

    def _fail(self) -> None:
        raise RuntimeError(BEARER)

    def _raise(self, visit: Session, request: Request) -> None:
        match request["what"]:
            case "group":
                raise ExceptionGroup("both", [OSError("one"), ExceptionGroup("", [OSError("two")])])
            case "validation":
                Told.model_validate({"number": "none"})
            case "bytes":
                b"\xff".decode()
            case "depth":
                self._raise(visit, request)
            case "exit":
                raise SystemExit(1)
            case "panic":
                raise Panic(BEARER)

    def _wait(self, visit: Session, request: Request) -> str:
        visit.undo_by(lambda: self.undone.append("waited"))
        self.inside.release()
        self.leave.wait(10)
        return "x" * int(request.get("length", 0))

    def _program(self, visit: Session, request: Request) -> None:
        def started(running: shell.Running) -> None:
            visit.works(running)
            self.inside.release()

        self.given_up.append(LocalShell(started=started).run(["sleep", "60"]).exit_code)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "control") as made:
        yield made


def ask(visitor: socket.socket, request: Any) -> dict[str, Any]:
    visitor.sendall(json.dumps(request).encode() + b"\n")
    return heard(visitor)


def heard(visitor: socket.socket) -> dict[str, Any]:
    with visitor.makefile("rb") as answers:
        answer: dict[str, Any] = json.loads(answers.readline())
    return answer


GARBAGE = {
    "no JSON": b"hello\n",
    "invalid UTF-8": b'{"do": "\xff\xfe"}\n',
    "binary": bytes(range(256)) + b"\n",
    "nothing": b"\n",
    "a number": b"1\n",
    "a list": b'["change"]\n',
    "no verb": b"{}\n",
    "a verb that is none": b'{"do": {"a": 1}}\n',
    "endless depth": b"[" * 100_000 + b"\n",
    "too many digits": b'{"do": ' + b"1" * 10_000 + b"}\n",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_who_sends_garbage_is_told_and_sent_away_and_its_changes_are_undone(
    garbage: bytes, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    with lab.visit() as visitor:
        ask(visitor, {"do": "change"})
        visitor.sendall(garbage)
        assert "not understood" in heard(visitor)["error"]
        assert visitor.recv(1) == b""
    eventually(lambda: lab.undone, lambda seen: len(seen) == 2, what="undone", budget=SOON)
    assert "a visitor is not understood" in capsys.readouterr().err
    assert lab.answers()


@pytest.mark.parametrize("garbage", [b"", b"{", b'{"do": "cha', b"\xff"])
def test_who_hangs_up_in_the_middle_of_a_line_is_forgotten(garbage: bytes, lab: Lab) -> None:
    with lab.visit() as visitor:
        visitor.sendall(garbage)
    assert lab.answers()


def test_a_line_without_end_is_not_kept(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LONGEST", 100_000)
    with lab.visit() as visitor, pytest.raises((BrokenPipeError, ConnectionResetError)):
        visitor.sendall(b"x" * 10_000_000)
    assert lab.answers()


@pytest.mark.parametrize("do", ["raise", "raise slowly"])
@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("group", "OSError: one; OSError: two"),
        ("validation", "ValidationError"),
        ("bytes", "UnicodeDecodeError"),
        ("depth", "RecursionError"),
        ("exit", "SystemExit: 1"),
        ("panic", "Panic: authorization: Bearer «redacted»"),
        (None, "value"),
    ],
)
def test_whatever_a_handler_raises_is_an_answer(
    do: str, what: str | None, answer: str, lab: Lab
) -> None:
    with lab.visit() as visitor:
        assert answer in str(ask(visitor, {"do": do, "what": what}))
        assert ask(visitor, {"do": "change"}) == {"value": None}


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ({"do": "dance"}, "nobody here can dance"),
        ({"do": "raise"}, "KeyError: 'what'"),
        ({"do": "odd"}, "TypeError: Object of type object is not JSON serializable"),
    ],
)
def test_a_request_that_cannot_be_met_is_told_why(request_: Request, answer: str, lab: Lab) -> None:
    with lab.visit() as visitor:
        assert answer in ask(visitor, request_)["error"]
        assert ask(visitor, {"do": "change"}) == {"value": None}


def test_what_cannot_be_undone_is_said_and_the_rest_is_undone(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    with lab.visit() as visitor:
        assert ask(visitor, {"do": "change", "undone badly": True}) == {"value": None}
    said = eventually(
        lambda: capsys.readouterr().err,
        lambda text: "not undone" in text,
        what="it is said",
        budget=SOON,
    )
    assert "not undone: RuntimeError" in said
    assert "abcdefghijklmnop" not in said
    eventually(lambda: lab.undone, lambda seen: len(seen) == 2, what="undone", budget=SOON)
    assert lab.undone == ["last", "first"]


def test_a_visitor_who_waits_for_the_undoing_hears_what_went_wrong(lab: Lab) -> None:
    with lab.visit() as visitor:
        ask(visitor, {"do": "change", "undone badly": True})
        assert "RuntimeError" in ask(visitor, {"do": "release"})["error"]
        assert lab.undone == ["last", "first"]
        assert ask(visitor, {"do": "release"}) == {"value": None}


def test_a_request_that_takes_its_time_keeps_nobody_else_waiting(lab: Lab) -> None:
    with lab.visit() as patient:
        patient.sendall(b'{"do": "wait"}\n{"do": "change"}\n')
        assert lab.inside.acquire(timeout=10)
        assert lab.server.busy
        assert lab.answers()
        lab.leave.set()
        with patient.makefile("rb") as answers:
            assert [json.loads(answers.readline()) for _ in range(2)] == [
                {"value": ""},
                {"value": None},
            ]


def test_who_does_not_read_the_answer_keeps_nobody_else_waiting(lab: Lab) -> None:
    lab.leave.set()
    with lab.visit() as silent:
        silent.sendall(b'{"do": "wait", "length": 4000000}\n{"do": "change"}\n')
        assert lab.inside.acquire(timeout=10)
        assert lab.answers()
        assert len(heard(silent)["value"]) == 4_000_000, "the answer is there when it is wanted"


def test_a_program_whose_visitor_is_gone_is_given_up(lab: Lab) -> None:
    with lab.visit() as visitor:
        visitor.sendall(b'{"do": "program"}\n')
        assert lab.inside.acquire(timeout=10)
    eventually(lambda: lab.given_up, bool, what="it is given up", budget=SOON)
    assert lab.given_up == [-9]
    assert lab.answers()


def test_what_is_made_for_a_visitor_who_is_gone_is_undone_when_it_is_made(lab: Lab) -> None:
    with lab.visit() as visitor:
        visitor.sendall(b'{"do": "wait"}\n')
        assert lab.inside.acquire(timeout=10)
    assert lab.answers()
    assert "waited" not in lab.undone
    lab.leave.set()
    eventually(lambda: "waited" in lab.undone, bool, what="it is undone", budget=SOON)


def test_who_comes_when_too_many_are_there_is_turned_away(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_server, "_MOST", 1)
    with lab.visit() as first:
        ask(first, {"do": "change"})
        with lab.visit() as second:
            assert second.recv(1) == b""
    eventually(lambda: lab.undone, lambda seen: len(seen) == 2, what="undone", budget=SOON)
    eventually(lambda: lab.server._sessions, lambda left: not left, what="room", budget=SOON)
    assert lab.answers()


def test_a_visit_is_over_when_an_answer_is_too_late(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        ControlClient(lab.path) as visitor,
        pytest.raises(MachineError, match="does not answer"),
    ):
        visitor.ask("wait", patience=0.05)
    lab.leave.set()
    eventually(lambda: lab.undone, lambda seen: seen == ["waited"], what="undone", budget=SOON)


def test_a_visitor_is_more_patient_than_the_program_it_asks_for(tmp_path: Path) -> None:
    near, far = socket.socketpair()
    with far, closing(near):
        visitor = ControlClient.__new__(ControlClient)
        visitor._socket, visitor._answers, visitor._lost = near, near.makefile("rb"), False
        far.sendall(b'{"value": {"exit_code": 0, "stdout": "", "stderr": ""}}\n')
        visitor.run("node", ["true"], timeout=500)
        assert near.gettimeout() == 500 + control_client._PATIENCE
        visitor._answers.close()


@pytest.mark.parametrize(
    ("keep", "finished", "ends"), [(False, True, True), (True, False, True), (True, True, False)]
)
def test_a_lab_ends_with_its_owner_unless_it_is_finished_and_kept(
    keep: bool,
    finished: bool,
    ends: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state, "base", lambda: tmp_path)
    place = state.new().make("embedded", keep=keep)
    if finished:
        place.lab.touch()
    server, ended = ControlServer({}, {}), list[str]()
    owner, other = socket.socketpair()
    with owner, other, closing(server):
        server.mind(owner.fileno(), place, lambda: ended.append("the lab"))
        other.close()
        server.turn(5)
        server.turn(0)
    assert bool(ended) is ends
    assert len(ended) == (2 if ends else 0), "a lab that is kept minds its owner's end once"
