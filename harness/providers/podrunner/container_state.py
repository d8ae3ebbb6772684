"""One container of a live pod: its status, process, probes, hooks and termination in one record."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.providers.podrunner.containers import Container, Hook
from harness.providers.podrunner.lifecycle import ContainerStatus
from harness.providers.podrunner.probe_loop import ProbeLoop
from harness.providers.podrunner.prober import Target
from harness.providers.podrunner.processes import Process
from harness.providers.podrunner.shutdown import ContainerTermination, Step


@dataclass(slots=True, kw_only=True)
class ContainerState:
    """What the pod's thread knows of one container.

    All but ``status`` is about the present run, and is dropped when that exits. ``hooks`` are
    those under way; ``may_term`` is whether it is the container's turn to get SIGTERM.
    """

    status: ContainerStatus
    process: Process | None = None
    target: Target | None = None
    probes: ProbeLoop = field(default_factory=ProbeLoop)
    hooks: set[Hook] = field(default_factory=set)
    termination: ContainerTermination | None = None
    may_term: bool = True

    @property
    def container(self) -> Container:
        """The container's part of the pod's specification."""
        return self.status.container

    @property
    def terminating(self) -> bool:
        """Whether its termination has begun."""
        return self.termination is not None

    def next_step(self, now: float) -> Step | None:
        """Return the step of the termination that is due now, if any, and note it as taken."""
        if self.termination is None:
            return None
        hook_done = Hook.PRE_STOP not in self.hooks
        self.termination, step = self.termination.next(now, hook_done=hook_done, turn=self.may_term)
        return step

    def due_times(self) -> Iterator[float]:
        """Yield when a probe, or a step of the termination, is due."""
        if self.termination is not None:
            yield self.termination.due()
        yield from self.probes.due_times(terminating=self.terminating)

    def reset(self, status: ContainerStatus) -> None:
        """Drop what was about the run that has exited."""
        self.status = status
        self.process = self.target = self.termination = None
        self.probes = ProbeLoop()
        self.hooks = set()
