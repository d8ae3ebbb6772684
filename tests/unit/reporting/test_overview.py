"""Several topologies in one report: a matrix that leads to each verdict; what was not raised."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from harness import files
from harness.model import LeftOut, Level, Topology, Verdict
from harness.reporting import write_all
from harness.reporting.record import RunRecord
from harness.reporting.verify import verify

Make = Callable[..., Any]

_TAGGED = re.compile(r'<a class="tag ([^"]+)" href="#([^"]+)--([^"]+)"[^>]*>([^<]+)</a>')
REASON = "--mesh toy: no <room>"


@pytest.fixture
def made(record: Make, result: Make, topology: Topology) -> RunRecord:
    third = topology.model_copy(update={"name": "third"})
    other = topology.model_copy(update={"name": "other"})
    there = {"topology": "third"}
    results = [
        result("CM-01"),
        result("CM-02", Verdict.FAILED, reason="503"),
        *(result(each).model_copy(update=there) for each in ("CM-01", "CM-02", "NM-01")),
    ]
    left_out = (LeftOut(topology="other", reason=REASON),)
    return RunRecord.model_validate(
        record(*results, topologies=(topology, other, third), left_out=left_out)
    )


@pytest.fixture
def written(made: RunRecord, tmp_path: Path) -> Path:
    assert not [each.trouble for each in write_all(made, tmp_path) if each.trouble]
    return tmp_path


@pytest.fixture
def page(written: Path) -> str:
    return (written / "report.html").read_text(encoding="utf-8")


def test_each_cell_of_the_matrix_sums_up_an_area_and_leads_there(page: str) -> None:
    cells = {
        (topology, area): (verdict, text)
        for verdict, topology, area, text in _TAGGED.findall(page)
        if "/" in text
    }
    assert cells == {
        ("two-by-two", "cluster"): ("failed", "1/2"),
        ("other", "cluster"): ("not-run", "0/2"),
        ("third", "cluster"): ("passed", "2/2"),
    }
    for topology, area in cells:
        assert f'<div class="card area" id="{topology}--{area}">' in page


def test_the_matrix_is_about_the_levels_that_the_run_asks_for(
    made: RunRecord, tmp_path: Path
) -> None:
    write_all(made.model_copy(update={"level": Level.EXTENDED}), tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert {
        topology: (verdict, text)
        for verdict, topology, area, text in _TAGGED.findall(page)
        if area == "network" and "/" in text
    } == {
        "two-by-two": ("not-run", "0/1"),
        "other": ("not-run", "0/1"),
        "third": ("passed", "1/1"),
    }


def test_each_requirement_has_its_verdict_on_each_topology_and_leads_there(
    written: Path, page: str
) -> None:
    told = {
        (topology["name"], each["id"]): each["verdict"]
        for topology in files.read(written / "conformance.yaml").data["topologies"]
        for each in topology["requirements"]
        if each["verdict"] != "not-applicable"
    }
    shown = {
        (topology, name): verdict
        for verdict, topology, name, text in _TAGGED.findall(page)
        if text == verdict
    }
    assert shown == told
    for topology, name in shown:
        assert re.search(rf'<details class="req" [^>]*id="{topology}--{name}">', page)


def test_a_page_of_one_topology_has_no_overview(record: Make, tmp_path: Path) -> None:
    write_all(record(), tmp_path)
    assert 'id="overview"' not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_was_not_raised_says_so_everywhere(written: Path, page: str) -> None:
    assert "3 topologies, 1 of them not raised" in page
    assert REASON.replace("<", "&lt;").replace(">", "&gt;") in page
    other = files.read(written / "conformance.yaml").data["topologies"][1]
    assert other["left_out"] == REASON
    assert {each["reason"] for each in other["requirements"] if each["id"] != "VM-01"} == {
        f"not raised: {REASON}"
    }
    suite = Xml.parse(written / "junit/other.xml").getroot().find("testsuite")
    assert suite is not None
    assert suite.get("tests") == suite.get("skipped") == "3"
    assert verify(written) == []


def test_each_topology_has_a_junit_file_that_says_what_the_whole_says(written: Path) -> None:
    whole = Xml.parse(written / "junit.xml").getroot()
    for suite in whole.findall("testsuite"):
        root = Xml.parse(written / f"junit/{suite.get('name')}.xml").getroot()
        (own,) = root.findall("testsuite")
        assert Xml.canonicalize(Xml.tostring(own), strip_text=True) == Xml.canonicalize(
            Xml.tostring(suite), strip_text=True
        )
        assert root.get("failures") == suite.get("failures")


def test_files_of_an_earlier_run_do_not_stay(written: Path, record: Make) -> None:
    write_all(record(), written)
    assert list((written / "junit").iterdir()) == []
