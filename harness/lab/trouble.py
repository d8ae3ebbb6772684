"""What went wrong beside the checks: notes that the owner of a run collects for its report."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that went wrong: what it befell, and what it says."""

    subject: str
    words: str

    def __str__(self) -> str:
        """Return both in a line."""
        return f"{self.subject}: {self.words}"


@dataclass(slots=True)
class Troubles:
    """All that went wrong in one run, in order; of one subject, what was said first.

    Every worker of a run says the same of a file that cannot be collected.
    """

    _noted: dict[str, Trouble] = field(default_factory=dict)

    def note(self, subject: str, words: str) -> Trouble:
        """Take a note, and return the one that stands for ``subject``."""
        return self._noted.setdefault(subject, Trouble(subject, words))

    def about(self, subject: str) -> Trouble | None:
        """Return what was noted of ``subject``, if anything."""
        return self._noted.get(subject)

    def __iter__(self) -> Iterator[Trouble]:
        """Yield the notes in the order in which they were taken."""
        return iter(tuple(self._noted.values()))

    def __bool__(self) -> bool:
        """Say whether anything went wrong."""
        return bool(self._noted)
