"""From pytest's reports to results: one per check and requirement, whatever befell the check."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.model import Catalogue, CheckResult, Verdict, judge, worst
from harness.run import CHECK, PRECONDITIONS, Check, diary, told

#: The name under which results travel in a report's user properties, from worker to controller.
PROPERTY = "meshproof"

_INDEX = "checks.json"
_REASON_LIMIT = 2000


# In the process that runs the check


def results(
    item: pytest.Item, report: pytest.TestReport, error: BaseException | None
) -> Iterator[CheckResult]:
    """Yield what this phase of a check says about each of its requirements."""
    check = item.stash.get(CHECK, None)
    if check is None or (report.when != "call" and report.passed):
        return
    said = diary(item)
    verdict, reason = verdict_of(report, error)
    if said.barred:
        verdict, reason = Verdict.NOT_RUN, said.barred
    for requirement in check.requirements:
        gate = check.gates.get(requirement)
        yield CheckResult(
            requirement=requirement,
            check=item.nodeid,
            topology=check.topology,
            verdict=gate.verdict if gate else verdict,
            reason=gate.reason if gate else reason,
            seconds=report.duration if said.seconds is None else said.seconds,
            waited=said.waited,
            evidence=said.evidence,
            notes=tuple(said.notes),
            proofs=tuple(said.proofs),
            observations=tuple(said.observations),
        )


def verdict_of(report: pytest.TestReport, error: BaseException | None) -> tuple[Verdict, str]:
    """Judge one phase of a check by its report and by what it raised."""
    reason = told(error)[:_REASON_LIMIT] if error else ""
    if report.skipped:
        return Verdict.SKIPPED, reason
    claimed = error is not None and by_assertion(error)
    return judge(report.when, broke=report.failed, by_assertion=claimed), reason


def by_assertion(error: BaseException) -> bool:
    """Say whether ``error`` is a broken expectation, and nothing but that."""
    if isinstance(error, BaseExceptionGroup):
        return all(by_assertion(each) for each in error.exceptions)
    return isinstance(error, AssertionError | pytest.fail.Exception)


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Which preconditions have failed, known to every process of the run."""

    directory: Path

    def note(self, result: CheckResult) -> None:
        """Remember ``result`` if it is a precondition that failed."""
        if result.requirement in PRECONDITIONS and result.verdict is Verdict.FAILED:
            path = self.directory / f"failed {result.topology} {result.requirement}"
            path.write_text(result.reason, encoding="utf-8")

    def failed(self, topology: str) -> list[str]:
        """Return the preconditions that failed on ``topology`` so far."""
        names = (path.name.split() for path in self.directory.glob(f"failed {topology} *"))
        return sorted(requirement for _, _, requirement in names)


def resting(check: Check, failed: Iterable[str], catalogue: Catalogue) -> str:
    """Return why ``check`` cannot be run after these preconditions ``failed``, or nothing."""
    names = [
        name
        for name in failed
        if name not in check.requirements
        and any(_rests_on(name, each, catalogue) for each in check.requirements)
    ]
    return f"precondition {', '.join(names)} failed" if names else ""


def _rests_on(precondition: str, requirement: str, catalogue: Catalogue) -> bool:
    found = catalogue.get(requirement)
    if found is None or requirement in PRECONDITIONS:
        return False
    return PRECONDITIONS[precondition] in found.needs


# What a dead worker leaves behind


def list_checks(items: Iterable[pytest.Item], directory: Path) -> None:
    """Write down what each check is about, for whoever survives its worker."""
    known = {
        item.nodeid: [check.topology, *check.requirements]
        for item in items
        if (check := item.stash.get(CHECK, None))
    }
    aside = directory / f"{_INDEX}.{id(known)}"
    aside.write_text(json.dumps(known), encoding="utf-8")
    aside.replace(directory / _INDEX)


# In the process that owns the run


@dataclass(slots=True)
class Ledger:
    """Collects results from reports, from this process or from workers."""

    directory: Path
    lost: list[str] = field(default_factory=list)
    _found: dict[tuple[str, str], CheckResult] = field(default_factory=dict)

    def enter(self, report: pytest.TestReport) -> None:
        """Take the results that ``report`` carries; a failed check without any is lost."""
        carried = [value for name, value in report.user_properties if name == PROPERTY]
        for value in carried:
            self._add(CheckResult.model_validate(value), teardown=report.when == "teardown")
        if report.failed and not carried:
            self._lose(report.nodeid)

    def settled(self, catalogue: Catalogue) -> tuple[CheckResult, ...]:
        """Return all results; what rests on a failed precondition is *not-run*, whatever it saw."""
        failed = {
            (each.topology, each.requirement)
            for each in self._found.values()
            if each.requirement in PRECONDITIONS and each.verdict is Verdict.FAILED
        }
        return tuple(_rested(each, failed, catalogue) for each in self._found.values())

    def _add(self, result: CheckResult, *, teardown: bool) -> None:
        key = (result.check, result.requirement)
        before = self._found.get(key)
        if before is None:
            self._found[key] = result
        elif teardown:
            if worst([before.verdict, result.verdict]) is not before.verdict:
                verdict = {"verdict": result.verdict, "reason": f"after the check: {result.reason}"}
                self._found[key] = before.model_copy(update=verdict)
        else:
            self._found[key] = _repeated(before, result)

    def _lose(self, nodeid: str) -> None:
        known = self._index().get(nodeid)
        if known is None:
            return
        self.lost.append(nodeid)
        topology, *requirements = known
        for requirement in requirements:
            result = CheckResult(
                requirement=requirement,
                check=nodeid,
                topology=topology,
                verdict=Verdict.UNKNOWN,
                reason="the worker that ran this check died",
            )
            self._add(result, teardown=False)

    def _index(self) -> dict[str, Any]:
        try:
            index: dict[str, Any] = json.loads((self.directory / _INDEX).read_text("utf-8"))
        except FileNotFoundError:
            return {}
        return index


def _repeated(before: CheckResult, after: CheckResult) -> CheckResult:
    """Return what two runs of one check amount to: passed only on a repeat is *flaky*."""
    if after.verdict is Verdict.PASSED and before.verdict in (Verdict.FAILED, Verdict.UNKNOWN):
        reason = f"passed on a repeat; before: {before.reason}"
        return after.model_copy(update={"verdict": Verdict.FLAKY, "reason": reason})
    return after if worst([before.verdict, after.verdict]) is after.verdict else before


def _rested(result: CheckResult, failed: set[tuple[str, str]], catalogue: Catalogue) -> CheckResult:
    names = sorted(
        name
        for topology, name in failed
        if topology == result.topology and _rests_on(name, result.requirement, catalogue)
    )
    if not names or result.verdict in (Verdict.NOT_RUN, Verdict.NOT_APPLICABLE):
        return result
    reason = f"precondition {', '.join(names)} failed; seen: {result.verdict} {result.reason}"
    return result.model_copy(update={"verdict": Verdict.NOT_RUN, "reason": reason.strip()})
