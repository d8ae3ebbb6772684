"""Run what takes minutes: say how far it is, keep its output, and end it when interrupted."""

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.phases import Phases
from harness.shell import Outcome, redact, start

#: Seconds between two lines of progress.
EVERY = 10.0
#: The end of the output of a build that fails, in characters: some twenty lines.
TAIL = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientShell:
    """Runs programs that take long; what they print goes to ``log``, for both streams.

    ``title`` and ``estimate`` (seconds, for everything that this shell will run) are what the
    lines of progress say.
    """

    title: str
    estimate: float
    log: Path
    phases: Phases
    cwd: Path | None = None
    every: float = EVERY
    clock: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,  # noqa: ARG002 - part of the protocol
        env: Mapping[str, str] | None = None,
        timeout: float = 3600.0,
    ) -> Outcome:
        """Run ``argv`` to completion, or for ``timeout`` seconds (124); ``stdin`` is empty."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        whole = {**os.environ, **(env or {})}
        running = start(self.title, _leashed(argv), output=self.log, env=whole, cwd=self.cwd)
        deadline = self.clock() + timeout
        try:
            while (code := running.wait(self.every)) is None and self.clock() < deadline:
                self._say_how_far()
        finally:
            if running.exit_code() is None:
                running.end(grace=2)
        said = redact(self.log.read_bytes()[offset:].decode(errors="replace"))
        failure = said[-TAIL:] if code != 0 else ""
        return Outcome(tuple(map(redact, argv)), 124 if code is None else code, said, failure)

    def _say_how_far(self) -> None:
        spent = self.clock() - self.began
        self.phases.say(f"{self.title}: {spent:.0f}s of about {self.estimate:.0f}s")


def _leashed(argv: Sequence[str]) -> list[str]:
    """Let the kernel end the program with the harness, should that be killed."""
    leash = shutil.which("setpriv")
    return [leash, "--pdeathsig", "KILL", "--", *argv] if leash else list(argv)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one component is made: ``place`` is its own, and vanishes unless published."""

    place: Path
    title: str
    estimate: float
    log: Path
    phases: Phases

    def shell(self, cwd: Path | None = None) -> PatientShell:
        """Return a shell for the steps of this component."""
        return PatientShell(
            title=self.title,
            estimate=self.estimate,
            log=self.log,
            phases=self.phases,
            cwd=cwd or self.place,
        )
