"""Locks between processes: held on an open file or directory, so the kernel frees a dead one's.

The only module that locks. A lock is advisory, belongs to what was opened (two threads of one
process keep each other out, too), and needs no cleaning up.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Lock:
    """A file or directory that is open; leaving the context lets go of whatever is held."""

    descriptor: int

    def take(self, *, shared: bool = False) -> None:
        """Take the lock, alone or with others who share it; wait for those in the way."""
        fcntl.flock(self.descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def taken(self, *, shared: bool = False) -> bool:
        """Take the lock if nobody is in the way; say whether it is ours now."""
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self.descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go."""
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def of_file(path: Path) -> Lock:
    """Open the lock at ``path``, which is made with its parents if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Lock(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644))


def of_existing(path: Path) -> Lock:
    """Open the lock at ``path``; :class:`FileNotFoundError` if it is not there."""
    return Lock(os.open(path, os.O_RDONLY | os.O_CLOEXEC))


def of_directory(path: Path) -> Lock:
    """Open the lock that a directory is; :class:`FileNotFoundError` if it is not there."""
    return Lock(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


@contextmanager
def held(
    lock: Lock, *, shared: bool = False, busy: Callable[[], object] | None = None
) -> Iterator[None]:
    """Hold ``lock``, then close it; ``busy`` is called first if somebody is to be waited for."""
    with lock:
        if not lock.taken(shared=shared):
            if busy is not None:
                busy()
            lock.take(shared=shared)
        yield
