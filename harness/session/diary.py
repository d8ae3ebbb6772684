"""What a check has to say while it runs, beside its outcome."""

from dataclasses import dataclass, field

import pytest

from harness.model import Observation, Proof


@dataclass(slots=True)
class CheckNotes:
    """What a check has to say beside its outcome. Once closed, it takes no more statements."""

    notes: list[str] = field(default_factory=list)
    waited: float = 0.0
    observations: list[Observation] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    seconds: float | None = None
    evidence: str = ""
    #: Why the check was not run, if what it rests on does not hold.
    barred: str = ""
    #: What broke of the lab itself, shortly before the check or while it ran.
    incidents: list[str] = field(default_factory=list)
    closed: bool = False

    def note(self, note: str) -> None:
        """Add a number or a deviation that a reader of the report must know."""
        if not self.closed:
            self.notes.append(note)

    def wait(self, seconds: float) -> None:
        """Add to the waiting that the promise itself demands."""
        if not self.closed:
            self.waited += seconds

    def observe(self, seen: Observation) -> None:
        """Add to the matrix of who reached whom."""
        if not self.closed:
            self.observations.append(seen)

    def close(self, seconds: float) -> None:
        """End the one run of the check that counts, which took ``seconds``."""
        self.seconds = seconds
        self.closed = True


_DIARY: pytest.StashKey[CheckNotes] = pytest.StashKey()


def diary(item: pytest.Item) -> CheckNotes:
    """Return the diary of ``item``, opening it on first use."""
    return item.stash.setdefault(_DIARY, CheckNotes())
