"""A probe as a state machine: when it is due, and whether its results make it pass or fail. Pure.

Time comes in as a number of (monotonic) seconds; handlers are carried out elsewhere.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from harness.kube import Manifest

#: How soon to probe again what has not passed yet (seconds), at first; with its
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
class ProbeResult:
    """What carrying out a handler once came to."""

    ok: bool
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeState:
    """A probe's state during one run of a container.

    ``passing`` is ``None`` until the results have decided; ``due`` is when to probe next, and
    ``in_flight`` tells that the handler is being carried out.
    """

    probe: Probe
    since: float
    due: float
    passing: bool | None = None
    passed: int = 0
    failed: int = 0
    last_counted: float = float("-inf")
    in_flight: bool = False
    last: str = ""

    def sent(self) -> "ProbeState":
        """Note that the handler is being carried out."""
        return replace(self, in_flight=True)

    def observe(self, result: ProbeResult, now: float) -> "ProbeState":
        """Take in a result. Failures count once per period, however often one probed."""
        state = replace(self, in_flight=False, last="" if result.ok else result.message)
        return _passed(state, now) if result.ok else _failed(state, now)


def start_probing(probe: Probe, started: float, now: float) -> ProbeState:
    """Begin to probe a container that was started at ``started``; the first time is at once."""
    return ProbeState(probe=probe, since=started, due=max(now, started + probe.initial_delay))


def _passed(state: ProbeState, now: float) -> ProbeState:
    passed = state.passed + 1
    passing = True if passed >= state.probe.success_threshold else state.passing
    due = now + state.probe.period
    return replace(state, passed=passed, failed=0, passing=passing, due=due)


def _failed(state: ProbeState, now: float) -> ProbeState:
    counts = now - state.last_counted >= state.probe.period
    failed = state.failed + counts
    passing = False if failed >= state.probe.failure_threshold else state.passing
    return replace(
        state,
        passed=0,
        failed=failed,
        last_counted=now if counts else state.last_counted,
        passing=passing,
        due=now + (state.probe.period if passing is True else _pace(state, now)),
    )


def _pace(state: ProbeState, now: float) -> float:
    """What is not up yet is probed often; what may live, once per period."""
    if state.probe.kind is ProbeKind.LIVENESS:
        return state.probe.period
    return min(state.probe.period, max(EAGER, (now - state.since) * _EAGER_SHARE))
