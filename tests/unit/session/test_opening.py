"""What a killed run leaves behind is gone with the next one."""

import os
from pathlib import Path

from harness import locks
from harness.session.opening import _remove_stale


def test_directories_of_dead_runs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    dead, living, elsewhere, fresh, foreign = (
        tmp_path / name
        for name in (
            "meshproof-run-4194999-x",
            f"meshproof-run-{os.getpid()}-x",
            "meshproof-run-4194998-in-another-container",
            "meshproof-run-4194997-not-locked-yet",
            "something-else",
        )
    )
    for directory in (dead, living, elsewhere, fresh, foreign):
        directory.mkdir()
        if directory is not fresh:
            os.utime(directory, (0, 0))
    with locks.held(locks.of_directory(living)), locks.held(locks.of_directory(elsewhere)):
        _remove_stale(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([living, elsewhere, fresh, foreign])
