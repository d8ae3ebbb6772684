"""A visit that cannot be undone does not end who holds the lab."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.providers.fabric import state
from harness.providers.fabric.control_server import ControlServer
from harness.providers.fabric.session import Request, Session

BEARER = "authorization: Bearer abcdefghijklmnop"


@pytest.fixture
def undone() -> list[str]:
    return []


@pytest.fixture
def reception(undone: list[str]) -> ControlServer:
    def fail() -> None:
        raise RuntimeError(BEARER)

    def change(visit: Session, request: Request) -> None:
        visit.undo_by(lambda: undone.append("first"))
        visit.undo_by(fail)
        visit.undo_by(lambda: undone.append("last"))

    return ControlServer({"change": change})


@pytest.fixture
def visitor(reception: ControlServer) -> Iterator[socket.socket]:
    near, far = socket.socketpair()
    visit = Session(far)
    reception.watch(far, lambda: reception._hear(visit))
    with near, far:
        yield near


def ask(reception: ControlServer, visitor: socket.socket, do: str) -> dict[str, object]:
    visitor.sendall(json.dumps({"do": do}).encode() + b"\n")
    reception.turn(5)
    answer: dict[str, object] = json.loads(visitor.recv(1 << 16))
    return answer


def test_what_cannot_be_undone_is_said_and_the_rest_is_undone(
    reception: ControlServer,
    visitor: socket.socket,
    undone: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ask(reception, visitor, "change") == {"value": None}
    visitor.close()
    reception.turn(5)
    assert undone == ["last", "first"]
    said = capsys.readouterr().err
    assert "not undone: RuntimeError" in said
    assert "abcdefghijklmnop" not in said


def test_a_visitor_who_waits_for_the_undoing_hears_what_went_wrong(
    reception: ControlServer, visitor: socket.socket, undone: list[str]
) -> None:
    ask(reception, visitor, "change")
    assert "RuntimeError" in str(ask(reception, visitor, "release")["error"])
    assert undone == ["last", "first"]
    assert ask(reception, visitor, "release") == {"value": None}


@pytest.mark.parametrize(
    ("keep", "finished", "ends"), [(False, True, True), (True, False, True), (True, True, False)]
)
def test_a_lab_ends_with_its_owner_unless_it_is_finished_and_kept(
    keep: bool,
    finished: bool,
    ends: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reception: ControlServer,
) -> None:
    monkeypatch.setattr(state, "base", lambda: tmp_path)
    place = state.create("embedded", keep=keep)
    if finished:
        place.lab.touch()
    ended: list[str] = []
    owner, other = socket.socketpair()
    with owner, other:
        reception.mind(owner.fileno(), place, lambda: ended.append("the lab"))
        other.close()
        reception.turn(5)
        reception.turn(0)
    assert bool(ended) is ends
    assert len(ended) == (2 if ends else 0), "a lab that is kept minds its owner's end once"
