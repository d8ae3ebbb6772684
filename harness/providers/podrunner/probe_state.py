"""Probes as state machines: when to look next, and what the looks so far amount to.

Pure: time comes in as a number of (monotonic) seconds, looks are made elsewhere.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from harness.kube import Manifest

#: How soon to look again at something that has not passed yet (seconds), at first; with its
#: age the interval grows up to the probe's own period. A kubelet would wait a whole period.
EAGER = 0.1
_EAGER_SHARE = 1 / 20


class ProbeKind(StrEnum):
    """The three probes, by their names in a manifest."""

    STARTUP = "startupProbe"
    READINESS = "readinessProbe"
    LIVENESS = "livenessProbe"


@dataclass(frozen=True, slots=True)
class Probe:
    """What a manifest says about a probe, with Kubernetes' defaults (times in seconds)."""

    kind: ProbeKind
    handler: Manifest
    initial_delay: float = 0.0
    period: float = 10.0
    timeout: float = 1.0
    success_threshold: int = 1
    failure_threshold: int = 3
    grace: int | None = None

    @classmethod
    def read(cls, kind: ProbeKind, manifest: Manifest) -> "Probe":
        """Read the probe from its manifest."""
        return cls(
            kind,
            manifest,
            float(manifest.get("initialDelaySeconds") or 0),
            float(manifest.get("periodSeconds") or 10),
            float(manifest.get("timeoutSeconds") or 1),
            int(manifest.get("successThreshold") or 1),
            int(manifest.get("failureThreshold") or 3),
            manifest.get("terminationGracePeriodSeconds"),
        )


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a container showed."""

    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A probe's progress during one run of a container.

    ``verdict`` is ``None`` until the looks have decided; ``due`` is when to look next, and
    ``looking`` tells that a look is under way.
    """

    probe: Probe
    since: float
    due: float
    verdict: bool | None = None
    passed: int = 0
    failed: int = 0
    counted: float = float("-inf")
    looking: bool = False
    last: str = ""

    def begun(self) -> "Progress":
        """Note that a look is under way."""
        return replace(self, looking=True)

    def looked(self, look: Look, now: float) -> "Progress":
        """Take in a look. Failures count once per period, however often one looked."""
        seen = replace(self, looking=False, last="" if look.ok else look.message)
        return _passed(seen, now) if look.ok else _failed(seen, now)


def watch(probe: Probe, started: float, now: float) -> Progress:
    """Begin to probe a container that was started at ``started``; the first look is due at once."""
    return Progress(probe=probe, since=started, due=max(now, started + probe.initial_delay))


def _passed(seen: Progress, now: float) -> Progress:
    passed = seen.passed + 1
    verdict = True if passed >= seen.probe.success_threshold else seen.verdict
    due = now + seen.probe.period
    return replace(seen, passed=passed, failed=0, verdict=verdict, due=due)


def _failed(seen: Progress, now: float) -> Progress:
    counts = now - seen.counted >= seen.probe.period
    failed = seen.failed + counts
    verdict = False if failed >= seen.probe.failure_threshold else seen.verdict
    return replace(
        seen,
        passed=0,
        failed=failed,
        counted=now if counts else seen.counted,
        verdict=verdict,
        due=now + (seen.probe.period if verdict is True else _pace(seen, now)),
    )


def _pace(seen: Progress, now: float) -> float:
    """A container that is not up yet is looked at often; one that may live, by its period."""
    if seen.probe.kind is ProbeKind.LIVENESS:
        return seen.probe.period
    return min(seen.probe.period, max(EAGER, (now - seen.since) * _EAGER_SHARE))
