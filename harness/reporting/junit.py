"""``junit.xml``: the verdicts as CI systems read them, one suite per topology.

A run of several topologies has the same again as ``junit/TOPOLOGY.xml``, a file for each.

JUnit knows fewer verdicts than we do: *failed* is a failure, *unknown* an error, whatever did
not run is skipped with its reason, *flaky* passes with Surefire's ``flakyFailure``. The exact
verdict is always in the property ``verdict``.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree as Xml

from harness.model import Verdict
from harness.reporting.judgement import Outcome, outcomes
from harness.reporting.record import RunRecord

JUNIT_FILE = "junit.xml"
#: Where each topology has a file of its own, if there are several.
JUNIT_DIRECTORY = "junit"

#: Verdict -> (element, the suite's attribute that counts it).
_ELEMENTS = {
    Verdict.FAILED: ("failure", "failures"),
    Verdict.UNKNOWN: ("error", "errors"),
    Verdict.NOT_RUN: ("skipped", "skipped"),
    Verdict.SKIPPED: ("skipped", "skipped"),
    Verdict.NOT_APPLICABLE: ("skipped", "skipped"),
    Verdict.FLAKY: ("flakyFailure", ""),
}
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class JUnitWriter:
    """Writes ``junit.xml``."""

    name = "JUnit"

    def write(self, record: RunRecord, directory: Path) -> Path:
        """Write the report; see :class:`harness.reporting.writers.ReportWriter`."""
        suites = {each.name: _suite(record, each.name) for each in record.topologies}
        whole = [*suites.values(), *([_trouble(record)] if record.lost or record.trouble else [])]
        path = _written(whole, record, directory / JUNIT_FILE)
        own = directory / JUNIT_DIRECTORY
        for old in own.glob("*.xml"):
            old.unlink()
        if len(suites) > 1:
            own.mkdir(exist_ok=True)
            for name, suite in suites.items():
                _written([suite], record, own / f"{name}.xml")
        return path


def _written(suites: list[Xml.Element], record: RunRecord, path: Path) -> Path:
    root = Xml.Element("testsuites", name=_legal(_title(record)))
    root.extend(suites)
    _add_up(root, suites)
    Xml.indent(root)
    Xml.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def _title(record: RunRecord) -> str:
    return f"{record.product.name} {record.product.version}".strip()


def _suite(record: RunRecord, topology: str) -> Xml.Element:
    suite = Xml.Element(
        "testsuite", name=topology, timestamp=record.started.isoformat(timespec="seconds")
    )
    for outcome in outcomes(record, topology):
        suite.extend(_cases(outcome))
    _count(suite)
    return suite


def _cases(outcome: Outcome) -> Iterable[Xml.Element]:
    if not outcome.checks and outcome.verdict is Verdict.NOT_RUN:
        yield _case(outcome, outcome.requirement.title, outcome.verdict, outcome.reason)
    for check in outcome.checks:
        case = _case(outcome, check.check, check.verdict, check.reason, check.seconds)
        properties = case.find("properties")
        for name, value in _details(check.notes, check.evidence):
            Xml.SubElement(_present(properties), "property", name=name, value=_legal(value))
        yield case


def _case(
    outcome: Outcome, name: str, verdict: Verdict, reason: str, seconds: float = 0.0
) -> Xml.Element:
    requirement = outcome.requirement
    case = Xml.Element(
        "testcase",
        classname=f"{outcome.topology}.{requirement.area}",
        name=_legal(f"{requirement.id} {name}"),
        time=f"{seconds:.3f}",
    )
    properties = Xml.SubElement(case, "properties")
    facts = {"verdict": verdict, "requirement": requirement.id, "level": requirement.level}
    for key, value in facts.items():
        Xml.SubElement(properties, "property", name=key, value=value)
    if verdict in _ELEMENTS:
        _explain(case, _ELEMENTS[verdict][0], verdict, reason)
    return case


def _details(notes: Iterable[str], evidence: str) -> Iterable[tuple[str, str]]:
    yield from (("note", note) for note in notes)
    if evidence:
        yield "evidence", evidence


def _present(element: Xml.Element | None) -> Xml.Element:
    assert element is not None
    return element


def _explain(case: Xml.Element, tag: str, verdict: Verdict, reason: str) -> None:
    first = reason.strip().partition("\n")[0] or str(verdict)
    message = first if verdict is Verdict.FAILED else f"{verdict}: {first}"
    explained = Xml.SubElement(case, tag, message=_legal(message), type=str(verdict))
    explained.text = _legal(reason)


def _trouble(record: RunRecord) -> Xml.Element:
    suite = Xml.Element("testsuite", name="run")
    for name, text in [
        *((check, "this check was started and left no result") for check in record.lost),
        *(("the run itself", text) for text in record.trouble),
    ]:
        case = Xml.SubElement(suite, "testcase", classname="run", name=_legal(name), time="0")
        _explain(case, "error", Verdict.UNKNOWN, text)
    _count(suite)
    return suite


def _count(suite: Xml.Element) -> None:
    cases = suite.findall("testcase")
    suite.set("tests", str(len(cases)))
    for tag, attribute in _ELEMENTS.values():
        if attribute:
            suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    suite.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _add_up(root: Xml.Element, suites: list[Xml.Element]) -> None:
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, "0")) for suite in suites)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in suites):.3f}")


def _legal(text: str) -> str:
    """Return ``text`` without the characters that XML 1.0 cannot carry (such as ESC)."""
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)
