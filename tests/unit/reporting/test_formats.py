import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from harness.model import Verdict
from harness.reporting import BUILT_IN, ReportWriter, write_all
from harness.reporting.allure import AllureWriter
from harness.reporting.junit import JUnitWriter
from harness.reporting.page import PageWriter
from harness.reporting.page.views import seconds
from harness.reporting.record import RunRecord


def contents(directory: Path) -> dict[str, bytes]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


@pytest.mark.parametrize("writer", BUILT_IN, ids=lambda writer: writer.name)
def test_equal_records_give_equal_bytes(writer: ReportWriter, record: Any, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        writer.write(RunRecord.model_validate_json(record().model_dump_json()), tmp_path / name)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_writer_that_breaks_costs_only_its_own_report(record: Any, tmp_path: Path) -> None:
    class Broken:
        name = "vendor's"

        def write(self, record: RunRecord, directory: Path) -> Path:
            raise ZeroDivisionError("oops")

    written = write_all(record(), tmp_path / "new", [Broken(), JUnitWriter()])
    assert [(each.name, each.trouble) for each in written] == [
        ("record", ""),
        ("vendor's", "ZeroDivisionError: oops"),
        ("JUnit", ""),
    ]
    assert (tmp_path / "new" / "junit.xml").is_file()


@pytest.mark.parametrize(
    ("verdict", "tag", "counted"),
    [
        (Verdict.FAILED, "failure", "failures"),
        (Verdict.UNKNOWN, "error", "errors"),
        (Verdict.NOT_RUN, "skipped", "skipped"),
        (Verdict.SKIPPED, "skipped", "skipped"),
        (Verdict.FLAKY, "flakyFailure", None),
    ],
)
def test_junit_keeps_every_verdict_apart(
    verdict: Verdict, tag: str, counted: str | None, record: Any, result: Any, tmp_path: Path
) -> None:
    made = record(result("CM-01", verdict, reason="because\nof this"), result("CM-02"))
    root = Xml.parse(JUnitWriter().write(made, tmp_path)).getroot()
    case = root.find(f".//testcase[{tag}]")
    assert case is not None
    said = {p.get("name"): p.get("value") for p in case.findall("properties/property")}
    assert said["verdict"] == verdict
    assert said["requirement"] == "CM-01"
    assert "because" in str(case.find(tag).get("message"))  # type: ignore[union-attr]
    suite = root.find("testsuite[@name='two-by-two']")
    assert suite is not None
    if counted:
        missing = 1 if tag == "skipped" else 0  # NM-01 has no check in this record
        assert int(suite.get(counted, "0")) == 1 + missing


def test_junit_survives_terminal_colours_and_shows_lost_checks(
    record: Any, result: Any, tmp_path: Path
) -> None:
    made = record(result("CM-01", Verdict.FAILED, reason="\x1b[31mred\x00"), lost=("test_lost",))
    root = Xml.parse(JUnitWriter().write(made, tmp_path)).getroot()
    assert root.get("errors") == "1"
    assert root.find(".//testcase[@name='test_lost']/error") is not None


def test_allure_has_one_result_per_check_with_its_evidence(
    record: Any, result: Any, tmp_path: Path
) -> None:
    evidence = tmp_path / "evidence" / "x"
    evidence.mkdir(parents=True)
    (evidence / "index.md").write_text("# Evidence\n")
    both = [
        result(each, Verdict.FAILED, "same", reason="no", evidence="evidence/x")
        for each in ("CM-01", "CM-02")
    ]
    target = AllureWriter().write(record(*both), tmp_path)
    found = [json.loads(path.read_text()) for path in target.glob("*-result.json")]
    assert len(found) == 1
    assert found[0]["status"] == "failed"
    tags = [label["value"] for label in found[0]["labels"] if label["name"] == "tag"]
    assert tags == ["CM-01", "CM-02"]
    attached = target / found[0]["attachments"][0]["source"]
    assert attached.read_text() == "# Evidence\n"


def test_allure_results_of_an_earlier_run_are_replaced_and_those_of_others_kept(
    record: Any, result: Any, tmp_path: Path
) -> None:
    target = AllureWriter().write(record(), tmp_path)
    foreign = target / "3f0c9a5e-1b1f-4c5e-9a53-0d8e9b1d7c11-result.json"  # a random UUID
    foreign.write_text("{}")
    AllureWriter().write(record(result("CM-01")), tmp_path)
    assert len(list(target.glob("*-result.json"))) == 2
    assert foreign.exists()


def test_the_page_fetches_nothing(record: Any, tmp_path: Path) -> None:
    page = PageWriter().write(record(), tmp_path).read_text()
    fetching = r"""\bsrc\s*=|@import|url\((?!#)|<(?:link|iframe|img|object|embed)\b"""
    assert re.findall(fetching, page) == []
    assert "default-src 'none'" in page


def test_the_page_escapes_what_a_mesh_says(record: Any, result: Any, tmp_path: Path) -> None:
    evil = result("CM-01", Verdict.FAILED, reason="<script>alert(1)</script>")
    page = PageWriter().write(record(evil), tmp_path).read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_page_shows_matrix_failure_sabotage_and_program(
    record: Any, result: Any, tmp_path: Path
) -> None:
    page = PageWriter().write(record(), tmp_path).read_text()
    assert '<span class="hop gateway"><b>gateway</b>' in page
    assert "not observed" in page  # nobody looked from c2
    assert "0 of 100 answered" in page
    assert "etcd" in page
    failed = PageWriter().write(record(result("CM-01", Verdict.FAILED)), tmp_path).read_text()
    assert 'data-verdict="failed" open' in failed


def test_the_page_survives_a_run_in_which_nothing_happened(record: Any, tmp_path: Path) -> None:
    made = record(results=(), phases=(), labs=(), complete=False, trouble=("no lab: disk full",))
    page = PageWriter().write(made, tmp_path).read_text()
    assert "no lab: disk full" in page
    assert "This run is not complete" in page


@pytest.mark.parametrize(
    ("value", "said"), [(0.238, "0.24 s"), (12.34, "12.3 s"), (185.2, "3 min 05 s")]
)
def test_durations_read_like_durations(value: float, said: str) -> None:
    assert seconds(value) == said
