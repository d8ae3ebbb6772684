"""From a record to verdicts: one per requirement and topology, one summary per level."""

from collections import Counter
from typing import Literal

from pydantic import BaseModel, ConfigDict

from harness.model import (
    CheckResult,
    Fate,
    Level,
    Proof,
    Requirement,
    Verdict,
    worst,
)
from harness.reporting.record import RunRecord

#: Verdicts that leave a level intact. Flaky is not one: a second try certifies nothing.
CLEAN = frozenset({Verdict.PASSED, Verdict.NOT_APPLICABLE})

LevelStatus = Literal["passed", "blocked", "nothing-checked"]


class Outcome(BaseModel):
    """A requirement on one topology: the worst verdict of its checks, and its reason."""

    model_config = ConfigDict(frozen=True)

    requirement: Requirement
    topology: str
    verdict: Verdict
    reason: str = ""
    checks: tuple[CheckResult, ...] = ()


class LevelSummary(BaseModel):
    """What may be claimed for a level: ``passed`` only if every listed requirement passed."""

    model_config = ConfigDict(frozen=True)

    level: Level
    status: LevelStatus
    counts: dict[Verdict, int]
    blocked_by: tuple[str, ...] = ()


class KillRatio(BaseModel):
    """How many sabotages were caught by the claim they were meant for."""

    model_config = ConfigDict(frozen=True)

    killed: int
    survived: int
    spoiled: int
    missing: int = 0

    @property
    def total(self) -> int:
        """Every sabotage that was tried, and those that nobody has written."""
        return self.killed + self.survived + self.spoiled + self.missing

    def __str__(self) -> str:
        return f"{self.killed}/{self.total}"


def outcomes(record: RunRecord, topology: str) -> tuple[Outcome, ...]:
    """Judge every requirement of the catalogue on ``topology``, in the catalogue's order."""
    return tuple(_outcome(record, each, topology) for each in record.catalogue.requirements)


def verdicts(record: RunRecord, topology: str) -> dict[str, Verdict]:
    """Return the verdict of every requirement on ``topology`` by its id."""
    return {each.requirement.id: each.verdict for each in outcomes(record, topology)}


def levels(record: RunRecord, topology: str) -> tuple[LevelSummary, ...]:
    """Summarise ``topology`` by level: core, extended, seed."""
    judged = outcomes(record, topology)
    return tuple(_summary(record, level, judged) for level in Level)


def proofs(record: RunRecord) -> tuple[tuple[CheckResult, Proof], ...]:
    """Return every sabotage that was tried once, with (one of) the results it belongs to."""
    seen: dict[tuple[str, str, str, str], tuple[CheckResult, Proof]] = {}
    for result in record.results:
        for proof in result.proofs:
            key = (result.topology, result.check, proof.sabotage, proof.claim)
            seen.setdefault(key, (result, proof))
    return tuple(seen.values())


def kill_ratio(record: RunRecord) -> KillRatio:
    """Count the fates of all sabotages of the run."""
    fates = Counter(proof.fate for _, proof in proofs(record))
    return KillRatio(**{str(fate): fates[fate] for fate in Fate})


def _outcome(record: RunRecord, requirement: Requirement, topology: str) -> Outcome:
    checks = tuple(
        result
        for result in record.results
        if result.requirement == requirement.id and result.topology == topology
    )
    if excluded := requirement.excluded(record.topology(topology)):
        return Outcome(
            requirement=requirement,
            topology=topology,
            verdict=worst([Verdict.NOT_APPLICABLE, *(check.verdict for check in checks)]),
            reason=excluded,
            checks=checks,
        )
    if not checks and (left_out := record.why_left_out(topology)):
        return Outcome(
            requirement=requirement,
            topology=topology,
            verdict=left_out.verdict,
            reason=f"not raised: {left_out.reason}",
        )
    # A check of several requirements may look at pairs that this one is not about.
    about = [check for check in checks if check.verdict is not Verdict.NOT_APPLICABLE] or checks
    verdict = worst(check.verdict for check in about)
    reason = next((check.reason for check in about if check.verdict is verdict), "")
    if not checks:
        reason = "no check of this run cites it"
    return Outcome(
        requirement=requirement,
        topology=topology,
        verdict=verdict,
        reason=reason,
        checks=checks,
    )


def _summary(record: RunRecord, level: Level, judged: tuple[Outcome, ...]) -> LevelSummary:
    mine = [outcome for outcome in judged if outcome.requirement.level is level]
    counts = Counter(outcome.verdict for outcome in mine)
    blockers = [_blocker(outcome) for outcome in mine if outcome.verdict not in CLEAN]
    if not record.complete or record.lost:
        lost = f": {len(record.lost)} check(s) were lost" if record.lost else ""
        blockers.insert(0, f"the run is incomplete{lost}")
    if not counts[Verdict.PASSED] and not blockers:
        status: LevelStatus = "nothing-checked"
    else:
        status = "blocked" if blockers else "passed"
    return LevelSummary(
        level=level,
        status=status,
        counts={verdict: counts[verdict] for verdict in Verdict if counts[verdict]},
        blocked_by=tuple(blockers),
    )


def _blocker(outcome: Outcome) -> str:
    first = outcome.reason.strip().partition("\n")[0]
    return f"{outcome.requirement.id} {outcome.verdict}" + (f": {first}" if first else "")
