"""A collected check: what it is about, and what keeps it from being judged here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from harness.model import Relation, Verdict

if TYPE_CHECKING:  # runs without a lab load nothing that only a lab needs
    from harness.sabotages.scene import Sabotage


#: The names of two clusters: source and target.
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Gate:
    """Why a requirement is not judged here: a verdict that needs no run, and its reason."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Aim:
    """A sabotage, and words of the claim that it must break (empty: any claim of the check).

    ``pair`` are source and target that are to notice, where the check looks at pairs.
    """

    sabotage: "Sabotage"
    breaks: str = ""
    pair: Pair | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A collected check: what it is about, and what keeps it from running.

    ``gates`` holds those of its requirements that cannot be judged here; the check runs if
    any requirement is left. ``aims`` are the sabotages that it is to be proved by in this run,
    ``missing`` those that the catalogue names and nobody has written; ``relations`` are those of
    the pairs of clusters that it looks at: of none, of one, or of all that have one end.
    """

    requirements: tuple[str, ...]
    topology: str
    gates: Mapping[str, Gate] = field(default_factory=dict)
    disturbs: bool = False
    relations: Mapping[Pair, Relation] = field(default_factory=dict)
    aims: tuple[Aim, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether any of its requirements can be judged here."""
        return any(each not in self.gates for each in self.requirements)


CHECK: pytest.StashKey[Check] = pytest.StashKey()
