"""A pod's termination: preStop hook, SIGTERM, SIGKILL, and which container's turn it is. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.providers.podrunner.containers import Role
from harness.providers.podrunner.lifecycle import ContainerStatus

#: Whatever its hook and its service_variables used up, a container has this long after SIGTERM
#: (a kubelet's minimum, seconds).
MINIMUM_GRACE = 2.0


class Step(StrEnum):
    """One step of a container's termination."""

    PRE_STOP = "preStop"
    TERM = "term"
    KILL = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerTermination:
    """How far a container's termination has got; ``since`` and ``kill_at`` are monotonic."""

    since: float
    grace: float
    has_pre_stop: bool
    reached: Step | None = None
    kill_at: float = float("inf")

    def next(
        self, now: float, *, hook_done: bool, turn: bool
    ) -> tuple["ContainerTermination", Step | None]:
        """Return what is due now, if anything, and the termination after it was done.

        The hook runs at once; SIGTERM waits for it and for the container's ``turn``.
        """
        if self.reached is Step.KILL:
            return self, None
        if self.grace <= 0 or now >= self.kill_at:
            return replace(self, reached=Step.KILL), Step.KILL
        if self.reached is None and self.has_pre_stop:
            return replace(self, reached=Step.PRE_STOP), Step.PRE_STOP
        patient = now < self.since + self.grace and not (hook_done and turn)
        if self.reached is Step.TERM or patient:
            return self, None
        kill_at = max(self.since + self.grace, now + MINIMUM_GRACE)
        return replace(self, reached=Step.TERM, kill_at=kill_at), Step.TERM

    def due(self) -> float:
        """Return when something is to be done next if nothing else happens."""
        if self.reached is Step.KILL:
            return float("inf")
        return self.kill_at if self.reached is Step.TERM else self.since + self.grace

    def shortened(self, grace: float) -> "ContainerTermination":
        """Return the termination with its grace period cut down to ``grace`` seconds."""
        if grace >= self.grace:
            return self
        return replace(self, grace=grace, kill_at=min(self.kill_at, self.since + grace))


def next_to_terminate(statuses: Sequence[ContainerStatus]) -> Iterator[ContainerStatus]:
    """Yield running containers that may get SIGTERM: the main ones first, then sidecars backwards.

    A sidecar outlives everything that started after it. Its preStop hook does not wait, so
    that a proxy drains while the application behind it still answers.
    """
    for index, status in enumerate(statuses):
        if not status.running:
            continue
        later = statuses[index + 1 :] if status.container.role is Role.SIDECAR else ()
        if not any(other.running for other in later):
            yield status
