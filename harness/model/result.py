"""Verdicts, and the one rule that turns a pytest outcome into one."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

Phase = Literal["setup", "call", "teardown"]


class Verdict(StrEnum):
    """What we can honestly claim after running a check."""

    # From least to most severe: the order is the rule by which verdicts combine.
    PASSED = "passed"
    FLAKY = "flaky"
    NOT_APPLICABLE = "not-applicable"
    SKIPPED = "skipped"
    NOT_RUN = "not-run"
    UNKNOWN = "unknown"
    FAILED = "failed"


_SEVERITY = {verdict: rank for rank, verdict in enumerate(Verdict)}


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most severe verdict; silence is never a pass."""
    return max(verdicts, key=_SEVERITY.__getitem__, default=Verdict.NOT_RUN)


def judge(phase: Phase, *, broke: bool, by_assertion: bool) -> Verdict:
    """Decide whether a check passed, the mesh failed it, or we cannot tell.

    Only a broken *expectation* in the body of a check counts against the mesh. A broken lab,
    a missing tool or a bug in the harness leaves the question open.
    """
    if not broke:
        return Verdict.PASSED
    if phase == "call" and by_assertion:
        return Verdict.FAILED
    return Verdict.UNKNOWN


class Fate(StrEnum):
    """What became of a sabotage: ``killed`` if the check turned red by the claim it was aimed at.

    ``survived`` if the check stayed green, ``spoiled`` if it turned red by anything else or the
    mesh did not heal, ``missing`` if the catalogue names it and nobody has written it.
    """

    KILLED = "killed"
    SURVIVED = "survived"
    SPOILED = "spoiled"
    MISSING = "missing"


class Proof(BaseModel):
    """One sabotage of one check: clean, sabotaged, healed.

    ``claim`` are words of the claim that must break (empty: any of the check's), ``reason``
    quotes the red phase.
    """

    model_config = ConfigDict(frozen=True)

    sabotage: str
    fate: Fate
    claim: str = ""
    reason: str = ""
    seconds: float = 0.0


class Observation(BaseModel):
    """What a check saw on the way from one cluster to another, for the report's matrix.

    ``hop`` says how the calls went: ``local`` (same cluster), ``direct`` (pod to pod),
    ``gateway`` (through the other side's east-west gateway), ``sidecar`` (through the proxies;
    the check did not look how), or ``none`` (nothing arrived, and none should have).
    ``count`` is the number of calls it was seen for.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    target: str
    hop: str
    count: int = 1


class CheckResult(BaseModel):
    """The outcome of one check against one requirement.

    ``waited`` is the part of ``seconds`` that the promise itself demands (outages, ejection
    times). ``evidence`` is a path relative to the report directory. ``notes`` are numbers or
    deviations that a reader of the report must know.
    """

    model_config = ConfigDict(frozen=True)

    requirement: str
    check: str
    topology: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    waited: float = 0.0
    evidence: str = ""
    notes: tuple[str, ...] = ()
    proofs: tuple[Proof, ...] = ()
    observations: tuple[Observation, ...] = ()


class LeftOut(BaseModel):
    """A topology of a group that cannot be raised or installed, and why: its checks have no run.

    ``verdict`` is theirs: *not-run*, or *not-applicable* where the mesh has no such data plane.
    """

    model_config = ConfigDict(frozen=True)

    topology: str
    reason: str
    verdict: Verdict = Verdict.NOT_RUN


class PhaseTime(BaseModel):
    """A step of raising or undoing a lab; ``start`` is seconds since the run began."""

    model_config = ConfigDict(frozen=True)

    name: str
    start: float
    seconds: float
    ok: bool = True
