"""What a killed run leaves behind is gone with the next one."""

import os
from pathlib import Path

from harness.session.opening import _remove_stale


def test_directories_of_dead_runs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    dead = tmp_path / "meshproof-run-4194999-x"
    living = tmp_path / f"meshproof-run-{os.getpid()}-x"
    foreign = tmp_path / "something-else"
    for directory in (dead, living, foreign):
        directory.mkdir()
    _remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([living, foreign])
