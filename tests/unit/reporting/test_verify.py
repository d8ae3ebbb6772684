import json
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.model import Verdict
from harness.reporting import digests
from harness.reporting.conformance import ConformanceWriter, content_digest
from harness.reporting.verify import verify


@pytest.fixture
def report(record: Any, result: Any, tmp_path: Path) -> Path:
    evidence = tmp_path / "evidence" / "CM-01"
    evidence.mkdir(parents=True)
    (evidence / "index.md").write_text("# Evidence\n")
    failed = result(
        "CM-01", Verdict.FAILED, reason="only 3 of 100\nlast saw: 503\n", evidence="evidence/CM-01"
    )
    made = record(failed, result("CM-02"), evidence=digests.evidence(tmp_path))
    made.save(tmp_path)
    return ConformanceWriter().write(made, tmp_path)


def edited(report: Path, old: str, new: str, *, sealed: bool = False) -> list[str]:
    text = report.read_text()
    assert old in text
    report.write_text(text.replace(old, new, 1))
    if sealed:
        document = files.read(report).data
        document["digests"]["content"] = content_digest(document)
        report.write_text(json.dumps(document))
        report.with_name("record.json").unlink()
    return verify(report)


def test_an_untouched_report_has_no_problems(report: Path) -> None:
    assert verify(report) == []
    assert verify(report.parent) == []


def test_an_edit_by_hand_shows(report: Path) -> None:
    problems = edited(report, "version: 1.31.0", "version: 1.32.0")
    assert "changed after it was written" in problems[0]
    assert "does not follow from this record" in problems[1]


def test_a_verdict_that_its_checks_contradict_shows_even_if_resealed(report: Path) -> None:
    problems = edited(report, "verdict: failed", "verdict: passed", sealed=True)
    assert any("its checks amount to failed" in problem for problem in problems)
    assert any("counts do not match" in problem for problem in problems)


def test_a_level_that_claims_too_much_shows_even_if_resealed(report: Path) -> None:
    problems = edited(report, "status: blocked", "status: passed", sealed=True)
    assert problems == ["two-by-two core: reported passed, but 1 of its requirements did not pass"]


def test_an_incomplete_run_cannot_claim_a_level(record: Any, tmp_path: Path) -> None:
    path = ConformanceWriter().write(record(), tmp_path)
    record().save(tmp_path)
    problems = edited(path, "complete: true", "complete: false", sealed=True)
    assert "two-by-two core: reported passed, but the run is incomplete" in problems


def test_changed_and_missing_evidence_shows(report: Path) -> None:
    evidence = report.parent / "evidence" / "CM-01" / "index.md"
    evidence.write_text("# Nothing to see\n")
    assert verify(report) == ["evidence/CM-01/index.md: this evidence was changed"]
    evidence.unlink()
    assert verify(report) == ["evidence/CM-01/index.md: this evidence is missing"]


def test_evidence_of_an_earlier_run_is_not_listed(result: Any, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / "evidence" / name).mkdir(parents=True)
        (tmp_path / "evidence" / name / "index.md").write_text(name)
    failed = result("CM-01", Verdict.FAILED, evidence="evidence/new")
    listed = digests.evidence(tmp_path, [failed, result("CM-02")])
    assert [file.path for file in listed] == ["evidence/new/index.md"]
    assert len(digests.evidence(tmp_path)) == 2
    assert digests.evidence(tmp_path / "empty") == ()


def test_another_catalogue_or_suite_shows(record: Any, tmp_path: Path) -> None:
    catalogue = tmp_path / "requirements.yaml"
    catalogue.write_text("version: 1\n")
    suites = tmp_path / "suites"
    (suites / "__pycache__").mkdir(parents=True)
    (suites / "test_x.py").write_text("")
    made = record(
        digests={"catalogue": digests.of_file(catalogue), "suites": digests.of_tree(suites)}
    )
    path = ConformanceWriter().write(made, tmp_path)
    (suites / "__pycache__" / "x.pyc").write_text("by-product")
    assert verify(path, catalogue=catalogue, suites=suites) == []
    (suites / "test_x.py").write_text("assert True\n")
    catalogue.write_text("version: 2\n")
    assert [
        problem.rpartition(": ")[2] for problem in verify(path, catalogue=catalogue, suites=suites)
    ] == [
        "not the catalogue that the report was made with",
        "not the suites that the report was made with",
    ]


@pytest.mark.parametrize("text", ["", "[1, 2]", "a: {", "schema_id: other/v9\n"])
def test_anything_else_is_called_no_report(text: str, tmp_path: Path) -> None:
    path = tmp_path / "conformance.yaml"
    path.write_text(text)
    problems = verify(path)
    assert len(problems) == 1
    assert problems[0].startswith("not a conformance report")


def test_an_absent_report_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    assert "No such file" in verify(tmp_path / "nowhere.yaml")[0]
