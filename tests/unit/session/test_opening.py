"""What a killed run leaves behind is gone with the next one."""

from pathlib import Path

from harness.lab.usage import used
from harness.session.opening import _remove_stale


def test_directories_of_dead_runs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    # The number of a process says nothing: it may count in another container.
    dead = tmp_path / "meshproof-run-1-x"
    living = tmp_path / "meshproof-run-4194999-x"
    beginning = tmp_path / "meshproof-run-4194998-x"
    foreign = tmp_path / "something-else"
    for directory in (dead, living, beginning, foreign):
        directory.mkdir()
    (dead / "owner").mkdir()
    (dead / "owner" / "of-a-process-that-is-gone").touch()
    with used(living / "owner"):
        _remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([living, beginning, foreign])
