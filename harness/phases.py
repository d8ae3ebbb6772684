"""What happens when, said while it happens and kept for the report."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.model import PhaseTime


def to_stderr(line: str) -> None:
    """Print a line of progress where it disturbs no output that a program might read."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Phases:
    """Times the steps of a run; safe to use from several threads."""

    def __init__(
        self,
        say: Callable[[str], None] = to_stderr,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._clock = clock
        self._began = clock()
        self._lock = threading.Lock()
        self._done: list[PhaseTime] = []

    @property
    def done(self) -> tuple[PhaseTime, ...]:
        """Every finished phase, in the order in which they started."""
        with self._lock:
            return tuple(sorted(self._done, key=lambda phase: phase.start))

    def say(self, line: str) -> None:
        """Print ``line`` with the seconds since the run began."""
        with self._lock:
            self._say(f"[{self._clock() - self._began:6.2f}s] {line}")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time the body under ``name``, say when it is over, and keep the result."""
        start = self._clock()
        ok = False
        try:
            yield
            ok = True
        finally:
            seconds = self._clock() - start
            finished = PhaseTime(name=name, start=start - self._began, seconds=seconds, ok=ok)
            with self._lock:
                self._done.append(finished)
            self.say(f"{name}: {seconds:.1f}s" if ok else f"{name}: FAILED after {seconds:.1f}s")
