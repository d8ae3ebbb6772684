"""Who uses a place (a lab, the files of a run), and whether they ended in good order.

Who changes something undoes it; who is killed cannot. The lock on a mark belongs to an open
file, so the kernel releases it with the process, and the mark stays behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp

from harness import locks
from harness.locks import Lock
from harness.model import Lab


def users(lab: Lab) -> Path:
    """Return where the marks of checks are that run on ``lab`` at this moment."""
    return Path(lab.state_dir) / "users"


@contextmanager
def used(directory: Path) -> Iterator[None]:
    """Mark a place within the block."""
    usage = Usage.begin(directory)
    try:
        yield
    finally:
        usage.end()


@dataclass(frozen=True, slots=True)
class Usage:
    """The mark of one process, in a directory of the place."""

    path: Path
    lock: Lock

    @classmethod
    def begin(cls, directory: Path) -> "Usage":
        """Mark the place as used by this process."""
        directory.mkdir(parents=True, exist_ok=True)
        handle, name = mkstemp(prefix=_UNREADY, dir=directory)
        lock = Lock(handle)
        lock.take()
        path = directory / Path(name).name.removeprefix(_UNREADY)
        Path(name).rename(path)  # seen by others only now that it is locked
        return cls(path, lock)

    def end(self) -> None:
        """Take the mark away."""
        self.path.unlink(missing_ok=True)
        self.lock.close()


def abandoned(directory: Path) -> bool:
    """Say whether a process that used the place was killed, and has put nothing back."""
    return any(map(_unlocked, _marks(directory)))


_UNREADY = ".unready-"


def _marks(directory: Path) -> Iterator[Path]:
    return (each for each in directory.glob("*") if not each.name.startswith(_UNREADY))


def _unlocked(mark: Path) -> bool:
    try:
        with locks.of_existing(mark) as lock:
            return lock.taken() and mark.exists()
    except FileNotFoundError:  # it has just ended in good order
        return False
