"""Whose parts of images are whose, on an engine that accounts share."""

from pathlib import Path

import pytest

from harness.artifacts.home import HOME_VARIABLE
from harness.providers.offline.images.labels import part_here


def test_parts_are_told_apart_by_the_place_of_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = []
    for name in ("one", "other", "one"):
        home = tmp_path / name
        home.mkdir(exist_ok=True)
        monkeypatch.setenv(HOME_VARIABLE, str(home))
        marks.append(part_here())
    assert marks[0] == marks[2] != marks[1]


def test_the_same_path_elsewhere_is_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv(HOME_VARIABLE, str(home))
    before = part_here()
    home.rename(tmp_path / "aside")
    home.mkdir()
    assert part_here() != before
