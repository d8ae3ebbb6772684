"""What ``meshproof coverage`` prints, and which report it takes."""

import os
from pathlib import Path

import pytest

from harness.files import load_catalogue
from harness.verbs import cli, codes
from harness.verbs.coverage import newest

CHECKOUT = Path(__file__).parents[3]
CATALOGUE = load_catalogue(CHECKOUT / "suites/requirements.yaml")


@pytest.fixture(autouse=True)
def checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CHECKOUT)


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    assert cli.main(["coverage", *arguments]) == 0
    return capsys.readouterr().out.splitlines()


def test_each_requirement_has_a_line_and_each_topology_a_sum(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = told(capsys, "--topology", "single-cluster", "--topology", "multi-primary")
    rows = [line.split() for line in lines if CATALOGUE.get(line.partition(" ")[0])]
    assert [row[0] for row in rows] == [each.id for each in CATALOGUE.requirements]
    assert all(row[1] == CATALOGUE.get(row[0]).level for row in rows)  # type: ignore[union-attr] # just found
    assert any(line.split() == ["SC", "MP"] for line in lines)
    assert any(line.startswith("MP       multi-primary: ") for line in lines)


def test_one_level_and_gaps_only(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "--missing", "--level", "seed", "--topology", "all")
    levels = [CATALOGUE.get(line.split()[0]).level for line in lines[:-1]]  # type: ignore[union-attr] # ids of the catalogue
    assert set(levels) <= {"seed"}
    assert lines[-1].endswith(" cells have no check")


def test_topologies_of_the_field_go_by_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, "--topology", "field")
    assert any("four-networks" in line.split() for line in lines)


def test_the_newest_report_is_taken(tmp_path: Path) -> None:
    assert newest(tmp_path / "none") == []
    for number, name in enumerate(("late", "early")):
        path = tmp_path / name / "conformance.yaml"
        path.parent.mkdir()
        path.touch()
        os.utime(path, (1000 - number, 1000 - number))
    assert newest(tmp_path) == [tmp_path / "late"]


def test_what_is_no_report_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "record.json").write_text("{}")
    assert cli.main(["coverage", "--report", str(tmp_path)]) == codes.WRONG
    assert "not a run record" in capsys.readouterr().err
    assert cli.main(["coverage", "--report", str(tmp_path / "nowhere")]) == codes.WRONG
