"""Container statuses from run to run (restarts, back-off), and which may start now. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.providers.podrunner.containers import Container, Role

#: Seconds to wait before the second restart in a row; doubles up to the limit (a kubelet's).
INITIAL_BACK_OFF = 10.0
MAX_BACK_OFF = 300.0
#: A container that ran this long before it ended has earned a fresh start.
BACK_OFF_RESET_AFTER = 600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a container is waiting: a short reason for programs, a message for people."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Terminated:
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
class ContainerStatus:
    """One container's status up to now.

    ``running_since`` (epoch) is set while it runs. ``terminated`` is how the latest run ended,
    ``previous`` how the one before did. ``not_before`` (monotonic) is the earliest time of the
    next start.
    """

    container: Container
    runs: int = 0
    container_id: str = ""
    running_since: float | None = None
    started: bool = False
    ready: bool = False
    terminated: Terminated | None = None
    previous: Terminated | None = None
    waiting: Waiting | None = None
    back_off: float = 0.0
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
    def finished(self) -> bool:
        """Whether it ended and will not be started again."""
        if self.running or self.terminated is None:
            return False
        return not self.container.restarts_after(self.terminated.exit_code)

    @property
    def failed(self) -> bool:
        """Whether it is over and ended badly."""
        return self.finished and self.terminated is not None and self.terminated.exit_code != 0

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return max(0, self.runs - 1)

    def after_start(self, container_id: str, wall: float) -> "ContainerStatus":
        """Return the status after a start."""
        return replace(
            self,
            runs=self.runs + 1,
            container_id=container_id,
            running_since=wall,
            started=False,
            ready=False,
            waiting=None,
            previous=self.terminated,
            terminated=None,
        )

    def after_exit(
        self, exit_code: int, wall: float, now: float, message: str = ""
    ) -> "ContainerStatus":
        """Return the status after an end; the first restart may follow at once."""
        began = self.running_since or wall
        delay = 0.0 if wall - began >= BACK_OFF_RESET_AFTER else self.back_off
        return replace(
            self,
            running_since=None,
            started=False,
            ready=False,
            terminated=Terminated(exit_code, began, wall, message, self.container_id),
            back_off=min(MAX_BACK_OFF, delay * 2) if delay else INITIAL_BACK_OFF,
            not_before=now + delay,
        )

    def after_failure(self, waiting: Waiting, retry_at: float) -> "ContainerStatus":
        """Return the status of a container that could not be started, until ``retry_at``."""
        return replace(self, waiting=waiting, not_before=retry_at)


def startable(statuses: Sequence[ContainerStatus]) -> Iterator[ContainerStatus]:
    """Yield the containers that should run and do not (each not before its ``not_before``).

    Init containers go in order; each must have ended well, or (a sidecar) have started,
    before the next one. Once a main container has been started, a sidecar holds nobody up.
    """
    for status in statuses:
        if not status.running and not status.finished:
            yield status
        if not main_started(statuses) and _blocks(status):
            return


def main_started(statuses: Iterable[ContainerStatus]) -> bool:
    """Say whether a main container has been started once."""
    return any(status.runs for status in statuses if status.container.role is Role.MAIN)


def _blocks(status: ContainerStatus) -> bool:
    if status.container.role is Role.INIT:
        return not (status.finished and not status.failed)
    return status.container.role is Role.SIDECAR and not status.started


def initialized(statuses: Sequence[ContainerStatus]) -> bool:
    """Say whether every init container has ended well and every sidecar has started once."""
    return main_started(statuses) or not any(_blocks(status) for status in statuses)


def pod_finished(statuses: Sequence[ContainerStatus]) -> bool:
    """Say whether the pod has run to its end, well or badly."""
    main = [status for status in statuses if status.container.role is Role.MAIN]
    failed_early = any(status.failed for status in statuses if status.container.role is Role.INIT)
    return failed_early or all(status.finished for status in main)
