"""``allure-results/``: one Allure result per check, with its requirements as labels.

The models are Allure's own; the files are written here because Allure's writer names them at
random, and equal records must give equal files.
"""

import json
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path

from allure_commons.model2 import (
    Attachment,
    Label,
    Link,
    Parameter,
    Status,
    StatusDetails,
    TestResult,
)
from allure_commons.types import LabelType, LinkType
from attr import asdict

from harness.model import CheckResult, Level, Requirement, Verdict, worst
from harness.reporting.judgement import outcomes
from harness.reporting.record import RunRecord

ALLURE_DIRECTORY = "allure-results"

_STATUS = {
    Verdict.PASSED: Status.PASSED,
    Verdict.FLAKY: Status.PASSED,
    Verdict.NOT_APPLICABLE: Status.SKIPPED,
    Verdict.SKIPPED: Status.SKIPPED,
    Verdict.NOT_RUN: Status.SKIPPED,
    Verdict.UNKNOWN: Status.BROKEN,
    Verdict.FAILED: Status.FAILED,
}
_SEVERITY = {Level.CORE: "critical", Level.EXTENDED: "normal", Level.SEED: "minor"}
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:meshproof:allure")
_OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}-")
_TYPES = {".json": "application/json", ".yaml": "application/yaml"}


class AllureWriter:
    """Writes ``allure-results/``, for ``allure serve`` or a plugin of a CI system."""

    name = "Allure"

    def write(self, record: RunRecord, directory: Path) -> Path:
        """Write the results; see :class:`harness.reporting.writers.ReportWriter`."""
        target = directory / ALLURE_DIRECTORY
        target.mkdir(exist_ok=True)
        _clear(target)
        for topology in record.topologies:
            for checks in _by_check(record, topology.name):
                _write(_result(record, checks, directory, target), target)
        _environment(record, target)
        return target


def _clear(target: Path) -> None:
    """Remove what this writer left in an earlier run: its names are UUIDs of version 5."""
    for path in target.iterdir():
        if _OURS.match(path.name):
            path.unlink()


_Checks = list[tuple[Requirement, CheckResult]]


def _by_check(record: RunRecord, topology: str) -> Iterable[_Checks]:
    grouped: dict[str, _Checks] = {}
    for outcome in outcomes(record, topology):
        for check in outcome.checks:
            grouped.setdefault(check.check, []).append((outcome.requirement, check))
    return grouped.values()


def _result(record: RunRecord, checks: _Checks, directory: Path, target: Path) -> TestResult:
    requirement, check = checks[0]
    verdict = worst(each.verdict for _, each in checks)
    start = int(record.started.timestamp() * 1000)
    history = f"{check.topology}/{check.check}"
    return TestResult(
        uuid=_uuid(f"{record.run_id}/{history}"),
        historyId=_uuid(history).replace("-", ""),
        testCaseId=_uuid(check.check).replace("-", ""),
        fullName=check.check,
        name=check.check.rpartition("::")[2] or check.check,
        description="\n\n".join(f"**{each.id}** {each.must}" for each, _ in checks),
        status=_STATUS[verdict],
        statusDetails=_details(verdict, [each for _, each in checks]),
        stage="finished",
        start=start,
        stop=start + int(check.seconds * 1000),
        labels=list(_labels(requirement, check, checks)),
        links=list(_links(checks)),
        parameters=[Parameter(name="verdict", value=str(verdict)), *_notes(check)],
        attachments=list(_attachments(check, directory, target)),
    )


def _details(verdict: Verdict, checks: list[CheckResult]) -> StatusDetails | None:
    reason = next((check.reason for check in checks if check.verdict is verdict), "")
    if verdict is Verdict.PASSED:
        return None
    first = reason.strip().partition("\n")[0]
    message = first if verdict is Verdict.FAILED else f"{verdict}: {first}"
    return StatusDetails(message=message, trace=reason, flaky=verdict is Verdict.FLAKY)


def _labels(requirement: Requirement, check: CheckResult, checks: _Checks) -> Iterator[Label]:
    yield Label(name=LabelType.FRAMEWORK, value="meshproof")
    yield Label(name=LabelType.PARENT_SUITE, value=check.topology)
    yield Label(name=LabelType.SUITE, value=requirement.area)
    yield Label(name=LabelType.EPIC, value=check.topology)
    yield Label(name=LabelType.FEATURE, value=requirement.area)
    yield Label(name=LabelType.SEVERITY, value=_SEVERITY[requirement.level])
    for each, _ in checks:
        yield Label(name=LabelType.STORY, value=f"{each.id} {each.title}")
        yield Label(name=LabelType.TAG, value=each.id)


def _links(checks: _Checks) -> Iterator[Link]:
    for each, _ in checks:
        for source in each.sources:
            if page := source.get("doc"):
                url = f"https://istio.io/latest/docs/{page.strip('/')}/"
                yield Link(type=LinkType.LINK, url=url, name=f"{each.id}: {page}")


def _notes(check: CheckResult) -> Iterator[Parameter]:
    for number, note in enumerate(check.notes, start=1):
        yield Parameter(name=f"note {number}", value=note)
    for proof in check.proofs:
        yield Parameter(name=f"sabotage {proof.sabotage}", value=str(proof.fate))


def _attachments(check: CheckResult, directory: Path, target: Path) -> Iterator[Attachment]:
    evidence = directory / check.evidence
    if not check.evidence or not evidence.exists():
        return
    found = [evidence] if evidence.is_file() else sorted(evidence.rglob("*"))
    for path in found:
        if not path.is_file():
            continue
        source = f"{_uuid(path.relative_to(directory).as_posix())}-attachment{path.suffix}"
        _link(path, target / source)
        kind = _TYPES.get(path.suffix, "text/plain")
        yield Attachment(name=str(path.relative_to(directory)), source=source, type=kind)


def _link(path: Path, attachment: Path) -> None:
    """Attach without a second copy where the file system can; evidence is never edited."""
    try:
        attachment.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, attachment)


def _write(result: TestResult, target: Path) -> None:
    data = asdict(result, filter=lambda _, value: bool(value) or value is False)
    text = json.dumps(data, indent=1, ensure_ascii=False)
    (target / f"{result.uuid}-result.json").write_text(text + "\n", encoding="utf-8")


def _environment(record: RunRecord, target: Path) -> None:
    lines = {
        "mesh": f"{record.product.name} {record.product.version}",
        "provider": " ".join(sorted({lab.provider for lab in record.labs})),
        "meshproof": record.tool_version,
        "run": record.run_id,
    }
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    (target / "environment.properties").write_text(text, encoding="utf-8")


def _uuid(text: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, text))
