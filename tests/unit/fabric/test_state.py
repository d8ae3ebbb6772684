"""Where labs live, and which of them are dead."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness.model import MachineError
from harness.providers.fabric import state
from harness.providers.fabric.state import STATE_VARIABLE, State


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with TemporaryDirectory(prefix="mp-", dir="/tmp") as made:
        path = Path(made) / "labs"
        monkeypatch.setenv(STATE_VARIABLE, str(path))
        yield path


def test_a_lab_is_closed_to_others(place: Path) -> None:
    made = state.create("ours")
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
    made = state.create("ours")
    assert not made.alive()
    made.claim(os.getpid())
    assert made.alive()
    made.supervisor.write_text(f"{os.getpid()} 1\n")
    assert not made.alive(), "a stranger with the same number"


def test_only_labs_that_nobody_holds_or_makes_are_abandoned(place: Path) -> None:
    making, held, dead, crashed = (state.create("ours") for _ in range(4))
    held.claim(os.getpid())
    dead.supervisor.write_text("1 1\n")
    (crashed.path / "maker").write_text("1 1\n")
    unsigned = State(place / "unsigned")
    unsigned.path.mkdir()
    assert abandoned("ours") == {dead.id, crashed.id}
    assert making.path.exists()
    os.utime(unsigned.path, (0, 0))
    assert abandoned("ours") == {dead.id, crashed.id, unsigned.id}


def test_what_another_provider_left_is_its_own_to_remove() -> None:
    theirs = state.create("theirs")
    theirs.supervisor.write_text("1 1\n")
    assert abandoned("ours") == set()
    assert abandoned("theirs") == {theirs.id}


def abandoned(provider: str) -> set[str]:
    return {left.id for left in state.abandoned(provider)}


def test_an_unfinished_lab_cannot_be_loaded(tmp_path: Path) -> None:
    assert state.loaded(State(tmp_path)) is None
    (tmp_path / "lab.json").write_text("{")
    assert state.loaded(State(tmp_path)) is None
