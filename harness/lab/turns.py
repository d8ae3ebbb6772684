"""Who may use the lab when: checks side by side, or one of them alone, across processes.

Locks belong to open files, so the kernel releases those of a process that is killed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness import locks


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
        with self._inside(shared=True):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Use the lab with nobody beside; waits until everybody inside has left."""
        with self._inside(shared=False):
            yield

    @contextmanager
    def _inside(self, *, shared: bool) -> Iterator[None]:
        with locks.of_file(self.directory / "room") as room:
            with locks.held(locks.of_file(self.directory / "door")):
                room.take(shared=shared)
            yield
