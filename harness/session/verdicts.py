"""From pytest's reports to results: one per check and requirement, whatever befell the check."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from harness.model import Catalogue, CheckResult, Level, Verdict, judge, worst
from harness.session.check import CHECK, Check, Gate
from harness.session.diary import diary
from harness.session.errors import by_assertion, told

#: The name under which results travel in a report's user properties, from worker to controller.
PROPERTY = "meshproof"

_INDEX = "checks.json"
_LABS = "labs.json"
_UNSELECTED = "unselected.json"
_REASON_LIMIT = 2000
_NOT_SELECTED = Gate(Verdict.NOT_RUN, "not selected")
#: Verdicts of checks that leave a requirement open: no failure, but nothing may be claimed.
_OPEN = (Verdict.FLAKY, Verdict.SKIPPED, Verdict.NOT_RUN, Verdict.UNKNOWN)
_BINDING = {level: rank for rank, level in enumerate(Level)}


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
    if said.incidents and verdict is Verdict.FAILED:
        broke = "; ".join(said.incidents)
        verdict, reason = Verdict.UNKNOWN, f"the lab itself broke ({broke}); seen: {reason}"
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


@dataclass(frozen=True, slots=True)
class Preconditions:
    """Which preconditions have failed, known to every process of the run."""

    directory: Path
    catalogue: Catalogue

    def note(self, result: CheckResult) -> None:
        """Remember ``result`` if it is a precondition that failed."""
        known = self.catalogue.preconditions
        if result.requirement in known and result.verdict is Verdict.FAILED:
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
    return found is not None and precondition in catalogue.rests_on(found)


# What is known of checks that leave no result of their own


def list_checks(items: Iterable[pytest.Item], directory: Path) -> None:
    """Write down what each check is about, for whoever survives its worker."""
    known = {
        item.nodeid: [check.topology, *check.requirements]
        for item in items
        if (check := item.stash.get(CHECK, None))
    }
    _store(directory / _INDEX, known)


def list_labs(labs: Mapping[str, str], directory: Path) -> None:
    """Write down of which topology each check may ask the lab, for who owns the labs."""
    _store(directory / _LABS, dict(labs))


def labs(directory: Path) -> Mapping[str, str]:
    """Return what :func:`list_labs` has written."""
    return _stored(directory / _LABS) or {}


def list_unselected(checks: Iterable[tuple[str, Check]], directory: Path) -> None:
    """Write down the checks that the run leaves out, by their ids, for who owns the run."""
    results = [
        CheckResult(
            requirement=requirement,
            check=nodeid,
            topology=check.topology,
            verdict=gate.verdict,
            reason=gate.reason,
        )
        for nodeid, check in checks
        for requirement in check.requirements
        for gate in [check.gates.get(requirement, _NOT_SELECTED)]
    ]
    _store(directory / _UNSELECTED, [result.model_dump(mode="json") for result in results])


def _store(path: Path, value: object) -> None:
    """Write ``value`` as JSON, whole or not at all: every worker writes the same."""
    aside = path.with_suffix(f".{os.getpid()}")
    aside.write_text(json.dumps(value), encoding="utf-8")
    aside.replace(path)


def _stored(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


# In the process that owns the run


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of the checks of a run that is over; ``lost`` are those of dead workers."""

    results: tuple[CheckResult, ...] = ()
    unselected: tuple[CheckResult, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the mesh has failed a check."""
        return any(each.verdict is Verdict.FAILED for each in self.results)

    def left_open(self, catalogue: Catalogue, level: Level) -> list[str]:
        """Name the requirements up to ``level`` whose checks ran and left them open."""
        names: dict[str, Verdict] = {}
        for each in self.results:
            found = catalogue.get(each.requirement)
            binding = found is not None and _BINDING[found.level] <= _BINDING[level]
            if binding and each.verdict in _OPEN:
                before = names.get(each.requirement, Verdict.PASSED)
                names[each.requirement] = worst([before, each.verdict])
        return [f"{name} {verdict}" for name, verdict in sorted(names.items())]


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

    def closed(self, catalogue: Catalogue) -> Settled:
        """Return all that is known at the end of the run."""
        return Settled(self.settled(catalogue), self.unselected(), tuple(self.lost))

    def settled(self, catalogue: Catalogue) -> tuple[CheckResult, ...]:
        """Return all results; what rests on a failed precondition is *not-run*, whatever it saw."""
        failed = {
            (each.topology, each.requirement)
            for each in self._found.values()
            if each.requirement in catalogue.preconditions and each.verdict is Verdict.FAILED
        }
        return tuple(_rested(each, failed, catalogue) for each in self._found.values())

    def unselected(self) -> tuple[CheckResult, ...]:
        """Return what was not selected of the requirements that this run has looked at."""
        looked_at = {(each.topology, each.requirement) for each in self._found.values()}
        listed = map(CheckResult.model_validate, _stored(self.directory / _UNSELECTED) or ())
        return tuple(
            each
            for each in listed
            if (each.topology, each.requirement) in looked_at
            and (each.check, each.requirement) not in self._found
        )

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
        return _stored(self.directory / _INDEX) or {}


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
