"""One record, every format: none of them claims what another denies."""

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from harness import files
from harness.model import Level, Verdict, worst
from harness.reporting import write_all
from harness.reporting.record import RunRecord

Make = Callable[..., Any]

_ROW = re.compile(r'<details class="req" data-verdict="([^"]+)".*?<span class="id">([^<]+)<', re.S)
_CHECK = re.compile(r'<div class="line"><span class="tag ([^"]+)">[^<]*</span><code>([^<]+)</code>')
_LEVEL = re.compile(r'<div class="top"><b>(\w+)</b><span class="tag ([^"]+)">')
_BLOCKS = re.compile(r"<summary>\d+ blocks? this level</summary>\s*<ul[^>]*>(.*?)</ul>", re.S)
_SEAL = re.compile(r'<div class="seal ([^"]+)"><b>([^<]+)</b><span>level (\w+)</span>')


def mixed(result: Make, record: Make) -> RunRecord:
    """Return a run with one check of each verdict, all of the same level."""
    checks = [
        result(("CM-01", "CM-02")[number % 2], verdict, f"suites/test_x.py::test_{verdict}")
        for number, verdict in enumerate(Verdict)
    ]
    return RunRecord.model_validate(record(*checks))


SHAPES: dict[str, Callable[[Make, Make], Any]] = {
    "all-passed": lambda result, record: record(),
    "each-verdict": mixed,
    "one-failed": lambda result, record: record(
        result("CM-01", Verdict.FAILED, reason="503 <seen>\nand more"), result("CM-02")
    ),
    "not-selected": lambda result, record: record(
        result("CM-01"), result("CM-01", Verdict.NOT_RUN, "other", reason="not selected")
    ),
    "lost": lambda result, record: record(result("CM-01"), result("CM-02"), lost=("test_lost",)),
    "cut-short": lambda result, record: record(result("CM-01"), result("CM-02"), complete=False),
    "trouble-beside": lambda result, record: record(trouble=("pair (take-down): disk full",)),
    "nothing": lambda result, record: record(results=()),
    "core-blocks-extended": lambda result, record: record(
        result("CM-01", Verdict.FAILED), result("NM-01"), level=Level.EXTENDED
    ),
    "extended-blocks-itself": lambda result, record: record(
        result("CM-01"), result("CM-02"), result("NM-01", Verdict.UNKNOWN), level=Level.EXTENDED
    ),
}


@pytest.fixture(params=SHAPES)
def made(request: pytest.FixtureRequest, result: Make, record: Make) -> RunRecord:
    return RunRecord.model_validate(SHAPES[request.param](result, record))


@pytest.fixture
def written(made: RunRecord, tmp_path: Path) -> Path:
    assert not [each.trouble for each in write_all(made, tmp_path) if each.trouble]
    return tmp_path


@pytest.fixture
def yaml(written: Path) -> Any:
    return files.read(written / "conformance.yaml").data


@pytest.fixture
def page(written: Path) -> str:
    return (written / "report.html").read_text(encoding="utf-8")


def test_page_and_file_give_each_requirement_the_same_verdict(yaml: Any, page: str) -> None:
    told = {each["id"]: each["verdict"] for each in yaml["topologies"][0]["requirements"]}
    assert {name: verdict for verdict, name in _ROW.findall(page)} == told


def test_page_and_file_give_each_check_the_same_verdict(yaml: Any, page: str) -> None:
    told = [
        (check["verdict"], check["check"])
        for each in yaml["topologies"][0]["requirements"]
        for check in each.get("checks", ())
    ]
    assert sorted((verdict, unescape(name)) for verdict, name in _CHECK.findall(page)) == sorted(
        told
    )


def test_page_and_file_give_each_level_the_same_status_and_blockers(yaml: Any, page: str) -> None:
    levels = yaml["topologies"][0]["levels"]
    assert dict(_LEVEL.findall(page)) == {name: each["status"] for name, each in levels.items()}
    shown = [unescape(each) for block in _BLOCKS.findall(page) for each in _items(block)]
    assert shown == [line for each in levels.values() for line in each.get("blocked_by", ())]


def _items(block: str) -> list[str]:
    return re.findall(r"<li>(.*?)</li>", block, re.S)


def test_the_seal_claims_no_more_than_the_levels_that_the_run_asked_for(
    yaml: Any, page: str
) -> None:
    seal = _SEAL.search(page)
    assert seal is not None
    status, words, level = seal.groups()
    assert (words.replace(" ", "-"), level) == (status, yaml["run"]["level"])
    levels = yaml["topologies"][0]["levels"]
    asked = [*Level][: [*Level].index(Level(level)) + 1]
    blocked = any(levels[each]["status"] == "blocked" for each in asked)
    assert status == ("blocked" if blocked else levels[level]["status"])


def test_page_and_file_agree_on_whether_the_run_is_complete(yaml: Any, page: str) -> None:
    assert ("This run is not complete." in page) is not yaml["run"]["complete"]
    for line in [*yaml["run"].get("trouble", ()), *yaml["run"].get("lost", ())]:
        assert line in unescape(page)


def test_junit_and_allure_give_each_check_its_verdict(made: RunRecord, written: Path) -> None:
    told = {f"{each.requirement} {each.check}": each.verdict for each in made.results}
    found = {}
    for case in Xml.parse(written / "junit.xml").getroot().iter("testcase"):
        said = {p.get("name"): p.get("value") for p in case.findall("properties/property")}
        if case.get("name") in told:
            found[case.get("name")] = said["verdict"]
            assert (case.find("failure") is not None) is (said["verdict"] == "failed")
    assert found == told
    allure = {
        each["fullName"]: each
        for path in (written / "allure-results").glob("*-result.json")
        for each in [json.loads(path.read_text(encoding="utf-8"))]
    }
    for check in {each.check for each in made.results}:
        verdict = worst(each.verdict for each in made.results if each.check == check)
        clean = allure[check]["status"] == "passed" and "statusDetails" not in allure[check]
        assert clean is (verdict is Verdict.PASSED), check
