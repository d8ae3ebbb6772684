"""Where labs live, and which of them are dead."""

import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness import shell
from harness.model import MachineError
from harness.providers.fabric import state
from harness.providers.fabric.state import STATE_VARIABLE, State
from harness.shell import Running


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory(prefix="mp-", dir="/tmp") as made:
        path = Path(made) / "labs"
        monkeypatch.setenv(STATE_VARIABLE, str(path))
        yield path


def test_a_lab_is_closed_to_others(place: Path) -> None:
    made = state.new().make("ours")
    for path in (place, made.path, made.logs, made.kubeconfigs):
        assert path.stat().st_mode & 0o777 == 0o700


def test_a_place_that_is_open_to_others_is_refused(place: Path) -> None:
    place.mkdir()
    place.chmod(0o755)
    with pytest.raises(MachineError, match="open to others"):
        state.base()


@pytest.mark.parametrize("chosen", ["/run/user/0/labs", "/tmp/" + "x" * 90])
def test_a_place_that_cannot_hold_sockets_is_refused(
    chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, chosen)
    with pytest.raises(MachineError, match="short path"):
        state.base()


def test_a_lab_lives_as_long_as_its_supervisor() -> None:
    made = state.new().make("ours")
    assert not made.alive()
    made.claim(os.getpid())
    assert made.alive()
    (made.path / "supervisor").write_text(f"{os.getpid()} 1\n")
    assert not made.alive(), "a stranger with the same number"


def test_only_labs_that_nobody_holds_or_makes_are_abandoned(place: Path) -> None:
    making, held, dead, crashed = (state.new().make("ours") for _ in range(4))
    held.claim(os.getpid())
    (dead.path / "supervisor").write_text("1 1\n")
    (crashed.path / "maker").write_text("1 1\n")
    unsigned = State(place / "unsigned")
    unsigned.path.mkdir()
    assert abandoned("ours") == {dead.id, crashed.id, unsigned.id}
    assert making.path.exists()


#: Raises labs on paper in step with another process; says what it lost.
RAISER = """
import os, pathlib, socket, sys
from harness.providers.fabric import state

with socket.socket(fileno=int(sys.argv[1])) as other:
    def in_step():
        other.sendall(b".")
        assert other.recv(1)

    for _ in range(300):
        in_step()
        lab = state.new().make("paper")
        lab.claim(os.getpid())
        in_step()
        if not lab.alive() or not lab.logs.is_dir() or lab.provider != "paper":
            print("lost", lab.id)
        lab.path.rename(pathlib.Path(sys.argv[2], lab.id))
"""
#: Looks all the while for labs that nobody holds, as whoever raises a lab does first.
REAPER = """
import pathlib, sys
from harness.providers.fabric import state

while pathlib.Path(sys.argv[1]).exists():
    for taken in state.abandoned("paper"):
        print("took", taken.id)
        taken.remove()
"""


def test_labs_that_are_raised_at_the_same_instant_do_not_remove_each_other(
    place: Path, tmp_path: Path
) -> None:
    (done := place.parent / "done").mkdir()
    (going := tmp_path / "going").touch()

    def started(name: str, text: str, *words: object, pass_fds: Sequence[int] = ()) -> Running:
        argv = [sys.executable, "-c", text, *map(str, words)]
        return shell.start(name, argv, output=tmp_path / f"{name}.log", pass_fds=pass_fds)

    ends = socket.socketpair()
    with ends[0] as one, ends[1] as two:
        raisers = [
            started(f"raiser-{end.fileno()}", RAISER, end.fileno(), done, pass_fds=[end.fileno()])
            for end in (one, two)
        ]
        reaper = started("reaper", REAPER, going)
    try:
        assert [raiser.wait(100) for raiser in raisers] == [0, 0]
        going.unlink()
        assert reaper.wait(100) == 0
    finally:
        for running in (*raisers, reaper):
            running.end()
    assert "".join(log.read_text() for log in tmp_path.glob("*.log")) == ""
    assert len(list(done.iterdir())) == 600


def test_what_another_provider_left_is_its_own_to_remove() -> None:
    theirs = state.new().make("theirs")
    (theirs.path / "supervisor").write_text("1 1\n")
    assert abandoned("ours") == set()
    assert abandoned("theirs") == {theirs.id}


def abandoned(provider: str) -> set[str]:
    return {left.id for left in state.abandoned(provider)}


def test_an_unfinished_lab_cannot_be_loaded(tmp_path: Path) -> None:
    assert state.loaded(State(tmp_path)) is None
    (tmp_path / "lab.json").write_text("{")
    assert state.loaded(State(tmp_path)) is None
