"""The probes of one running container: which is due now, and what their results came to."""

from collections.abc import Iterator

from harness.providers.podrunner.probe_state import (
    Probe,
    ProbeKind,
    ProbeResult,
    ProbeState,
    start_probing,
)


class ProbeLoop:
    """One run's probes, each with its state. Used by the pod's own thread only."""

    def __init__(self) -> None:
        self._states: dict[ProbeKind, ProbeState] = {}

    def start(self, probe: Probe, *, started: float, now: float) -> None:
        """Begin to probe a container that was started at ``started`` (monotonic seconds)."""
        self._states[probe.kind] = start_probing(probe, started, now)

    def due(self, now: float, *, terminating: bool) -> Iterator[ProbeState]:
        """Yield what is to be probed now, and note that it is being probed.

        Of a container that is terminating, only the readiness still matters.
        """
        for state in self._idle(terminating):
            if state.due <= now:
                self._states[state.probe.kind] = state.sent()
                yield state

    def observe(self, kind: ProbeKind, result: ProbeResult, now: float) -> ProbeState | None:
        """Take in a result; ``None`` if nobody waits for it any more."""
        if kind not in self._states:
            return None
        state = self._states[kind].observe(result, now)
        self._states[kind] = state
        if kind is ProbeKind.STARTUP and state.passing:
            del self._states[kind]
        return state

    def due_times(self, *, terminating: bool) -> Iterator[float]:
        """Yield when something is to be probed."""
        return (state.due for state in self._idle(terminating))

    def _idle(self, terminating: bool) -> list[ProbeState]:  # noqa: FBT001 - private, one meaning
        return [
            state
            for kind, state in self._states.items()
            if not state.in_flight and (kind is ProbeKind.READINESS or not terminating)
        ]
