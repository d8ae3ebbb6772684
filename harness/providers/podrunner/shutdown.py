"""How containers are ended: who may be ended now, and with which means. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from harness.providers.podrunner.containers import Role
from harness.providers.podrunner.lifecycle import State

#: Whatever its hook and its neighbours used up, a container has this long after SIGTERM
#: (a kubelet's minimum, seconds).
LEAST_GRACE = 2.0


class Means(StrEnum):
    """What to do to a container next."""

    HOOK = "hook"
    TERM = "term"
    KILL = "kill"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A container on its way out. ``since`` and ``kill_at`` are monotonic seconds."""

    since: float
    grace: float
    hooked: bool
    reached: Means | None = None
    kill_at: float = float("inf")

    def next(self, now: float, *, hook_done: bool, turn: bool) -> tuple["Ending", Means | None]:
        """Return what is due now, if anything, and the ending after it was done.

        The hook runs at once; SIGTERM waits for it and for the container's ``turn``.
        """
        if self.reached is Means.KILL:
            return self, None
        if self.grace <= 0 or now >= self.kill_at:
            return replace(self, reached=Means.KILL), Means.KILL
        if self.reached is None and self.hooked:
            return replace(self, reached=Means.HOOK), Means.HOOK
        patient = now < self.since + self.grace and not (hook_done and turn)
        if self.reached is Means.TERM or patient:
            return self, None
        kill_at = max(self.since + self.grace, now + LEAST_GRACE)
        return replace(self, reached=Means.TERM, kill_at=kill_at), Means.TERM

    def due(self) -> float:
        """Return when something is to be done next if nothing else happens."""
        if self.reached is Means.KILL:
            return float("inf")
        return self.kill_at if self.reached is Means.TERM else self.since + self.grace

    def hurried(self, grace: float) -> "Ending":
        """Return the ending with its grace cut down to ``grace`` seconds (from its begin)."""
        if grace >= self.grace:
            return self
        return replace(self, grace=grace, kill_at=min(self.kill_at, self.since + grace))


def whose_turn(states: Sequence[State]) -> Iterator[State]:
    """Yield running containers that may get SIGTERM: the work first, then sidecars backwards.

    A sidecar outlives everything that started after it. Its preStop hook does not wait, so
    that a proxy drains while the work behind it still answers.
    """
    for index, state in enumerate(states):
        if not state.running:
            continue
        later = states[index + 1 :] if state.container.role is Role.SIDECAR else ()
        if not any(other.running for other in later):
            yield state
