"""What has become of each container, and which of them are to be started now. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.providers.podrunner.containers import Container, Role

#: Seconds to wait before the second restart in a row; doubles up to the limit (a kubelet's).
FIRST_DELAY = 10.0
LONGEST_DELAY = 300.0
#: A container that ran this long before it ended has earned a fresh start.
FORGIVEN_AFTER = 600.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a container waits: a short reason for programs, a message for people."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of a container ended; times are seconds since the epoch."""

    exit_code: int
    started_at: float
    finished_at: float
    message: str = ""
    container_id: str = ""

    @property
    def reason(self) -> str:
        """The reason as a kubelet words it."""
        return "Error" if self.exit_code else "Completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One container's history up to now.

    ``running_since`` (epoch) is set while it runs. ``ended`` is the latest end, ``previous``
    the one before. ``not_before`` (monotonic) is the earliest time of the next start.
    """

    container: Container
    runs: int = 0
    container_id: str = ""
    running_since: float | None = None
    started: bool = False
    ready: bool = False
    ended: Ended | None = None
    previous: Ended | None = None
    trouble: Trouble | None = None
    delay: float = 0.0
    not_before: float = 0.0

    @property
    def name(self) -> str:
        """The container's name."""
        return self.container.name

    @property
    def running(self) -> bool:
        """Whether it runs now."""
        return self.running_since is not None

    @property
    def over(self) -> bool:
        """Whether it ended and will not be started again."""
        if self.running or self.ended is None:
            return False
        return not self.container.goes_on_after(self.ended.exit_code)

    @property
    def failed(self) -> bool:
        """Whether it is over and ended badly."""
        return self.over and self.ended is not None and self.ended.exit_code != 0

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.runs - 1)

    def begun(self, container_id: str, wall: float) -> "State":
        """Return the state after a start."""
        return replace(
            self,
            runs=self.runs + 1,
            container_id=container_id,
            running_since=wall,
            started=False,
            ready=False,
            trouble=None,
            previous=self.ended,
            ended=None,
        )

    def finished(self, exit_code: int, wall: float, now: float, message: str = "") -> "State":
        """Return the state after an end; the first restart may follow at once."""
        began = self.running_since or wall
        delay = 0.0 if wall - began >= FORGIVEN_AFTER else self.delay
        return replace(
            self,
            running_since=None,
            started=False,
            ready=False,
            ended=Ended(exit_code, began, wall, message, self.container_id),
            delay=min(LONGEST_DELAY, delay * 2) if delay else FIRST_DELAY,
            not_before=now + delay,
        )

    def held(self, trouble: Trouble, retry_at: float) -> "State":
        """Return the state of a container that could not be started, until ``retry_at``."""
        return replace(self, trouble=trouble, not_before=retry_at)


def to_start(states: Sequence[State]) -> Iterator[State]:
    """Yield the containers that should run and do not (each not before its ``not_before``).

    Init containers go in order; each must have ended well, or (a sidecar) have started,
    before the next one. Once the work itself has begun, a sidecar holds nobody up.
    """
    for state in states:
        if not state.running and not state.over:
            yield state
        if not begun(states) and _blocks(state):
            return


def begun(states: Iterable[State]) -> bool:
    """Say whether the work itself has been started once."""
    return any(state.runs for state in states if state.container.role is Role.MAIN)


def _blocks(state: State) -> bool:
    if state.container.role is Role.INIT:
        return not (state.over and not state.failed)
    return state.container.role is Role.SIDECAR and not state.started


def initialized(states: Sequence[State]) -> bool:
    """Say whether every init container has ended well and every sidecar has started once."""
    return begun(states) or not any(_blocks(state) for state in states)


def finished(states: Sequence[State]) -> bool:
    """Say whether the pod's work is over for good, well or badly."""
    work = [state for state in states if state.container.role is Role.MAIN]
    failed_early = any(state.failed for state in states if state.container.role is Role.INIT)
    return failed_early or all(state.over for state in work)
