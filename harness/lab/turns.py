"""Who may use the lab when: checks side by side, or one of them alone, across processes.

Locks belong to open files, so the kernel releases those of a process that is killed.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Turns:
    """A lock for many readers or one writer, kept in ``directory``.

    Everybody passes a door before the room. Who wants the room alone holds the door while
    waiting for those inside to leave, so newcomers cannot starve it.
    """

    directory: Path

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """Use the lab beside others that do the same."""
        with self._locked("room", fcntl.LOCK_SH, door=True):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Use the lab with nobody beside; waits until everybody inside has left."""
        with self._locked("room", fcntl.LOCK_EX, door=True):
            yield

    @contextmanager
    def _locked(self, name: str, kind: int, *, door: bool = False) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / name).open("a") as file:
            if door:
                with self._locked("door", fcntl.LOCK_EX):
                    fcntl.flock(file, kind)
            else:
                fcntl.flock(file, kind)
            yield
