"""Where an engine of our own keeps its files: images in ``data``, all else for one run."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import locks
from harness.artifacts.home import HOME_VARIABLE, home
from harness.converge import Budget, NotConverged, eventually
from harness.locks import Lock
from harness.model import MachineError
from harness.phases import Phases
from harness.providers.fabric.claims import Claim
from harness.shell import log_tail

#: The kernel's limit on the path of a Unix socket, less one for the zero byte.
_LONGEST_SOCKET = 107
#: How long the start or the end of an engine by another command may take.
_TURN = Budget(timeout=120.0, interval=0.1, firm=True)


@dataclass(frozen=True, slots=True)
class EngineDir:
    """The files of this user's engine."""

    path: Path

    @property
    def socket(self) -> Path:
        """Where the engine listens; its path is valid inside the tree as well."""
        return self.path / "docker.sock"

    @property
    def url(self) -> str:
        """The engine as clients name it."""
        return f"unix://{self.socket}"

    @property
    def data(self) -> Path:
        """Images and what else the engine keeps; outlives the engine."""
        return self.path / "data"

    @property
    def config(self) -> Path:
        """The engine's configuration."""
        return self.path / "daemon.json"

    @property
    def runtime(self) -> Path:
        """The OCI runtime, where it is not plain runc."""
        return self.path / "runtime"

    @property
    def log(self) -> Path:
        """What supervisor and engine said since the last start."""
        return self.path / "dockerd.log"

    @property
    def ready(self) -> Path:
        """There as soon as the engine answers and is rid of leftovers."""
        return self.path / "ready"

    @property
    def absent(self) -> Path:
        """Which files outside this directory were not there before the engine."""
        return self.path / "absent.json"

    @property
    def cgroup(self) -> str:
        """The control group of every container, named so that two engines have two."""
        return "meshproof-" + hashlib.sha256(str(self.path).encode()).hexdigest()[:8]

    @property
    def supervisor(self) -> Claim:
        """The note of the parent of the tree's PID 1."""
        return Claim(self.path / "supervisor")

    def holder(self) -> int | None:
        """Return the parent of the tree's PID 1, ``None`` if it is gone (strangers excluded)."""
        return self.supervisor.holder()

    def first(self) -> int | None:
        """Return PID 1 of the tree as this machine numbers it, ``None`` if there is none."""
        pid = self.holder()
        try:
            listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            return None
        return int(listed[0]) if listed else None

    def tail(self, lines: int = 8) -> str:
        """Return the end of the log."""
        return log_tail(self.log, lines)

    def make(self) -> None:
        """Make the directories, closed to everyone else."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)
        self.data.mkdir(mode=0o710, exist_ok=True)

    def clear(self) -> None:
        """Delete everything but the data."""
        for path in self.path.glob("*"):
            if path != self.data:
                path.unlink(missing_ok=True)

    def purge(self) -> None:
        """Delete everything. Only when no engine runs."""
        if self.path.exists():
            shutil.rmtree(self.path)

    @contextmanager
    def alone(self, phases: Phases) -> Iterator[None]:
        """Be the only one that starts or ends the engine; the kernel frees what a dead one held."""
        with locks.of_file(home() / "locks" / "engine") as lock:
            if not lock.taken():
                phases.say("engine: another command starts or ends it; waiting for that")
                _wait(lock)
            yield


def own() -> EngineDir:
    """Return the place of this user's engine; it need not exist yet."""
    return EngineDir(home() / "engine")


def check(place: EngineDir) -> None:
    """Raise :class:`MachineError` where an engine could not be reached or would see nothing."""
    if len(os.fsencode(place.socket)) > _LONGEST_SOCKET or place.path.is_relative_to("/run"):
        raise MachineError(
            f"the engine cannot live in {place.path}",
            f"set {HOME_VARIABLE} to a short path that is not below /run",
        )


def _wait(lock: Lock) -> None:
    try:
        eventually(lock.taken, bool, what="the other is done", budget=_TURN)
    except NotConverged as error:
        raise MachineError(
            f"another command has been starting or ending the engine for {_TURN.timeout:g}s",
            "end that command",
        ) from error
