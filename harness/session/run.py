"""What the hooks of one pytest run share, and what is known of each check while it runs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.converge import NotConverged
from harness.lab.keeper import Keeper
from harness.meshes.base import Mesh
from harness.model import (
    Catalogue,
    HarnessError,
    Level,
    Observation,
    Proof,
    Relation,
    Topology,
    Verdict,
)
from harness.phases import Phases
from harness.providers.base import Provider
from harness.shell import redact

if TYPE_CHECKING:  # runs without a lab load nothing that only a lab needs
    from harness.sabotages.scene import Sabotage

#: What a five minutes' outage means where the catalogue says so; ``--outage`` shortens it.
DEFAULT_OUTAGE = 300.0

#: Errors whose message is a sentence; of others, the kind is half of what they say.
_EXPLAINED = (AssertionError, HarnessError, pytest.fail.Exception, pytest.skip.Exception)
#: How the message of pytest-timeout begins, in all its versions.
_TIMED_OUT = re.compile(r"Timeout \(?>[\d.]+s")


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for, read and checked."""

    topologies: tuple[Topology, ...]
    catalogue: Catalogue
    provider: str
    mesh: str
    mesh_version: str = ""
    kubernetes_version: str = ""
    level: Level = Level.CORE
    keep: bool = False
    reuse: bool = False
    prove: bool = False
    prove_window: float = 30.0
    budget_scale: float = 1.0
    outage: float = DEFAULT_OUTAGE
    selection: str = ""
    report_dir: Path = Path("reports")
    root: Path = Path()
    suites: Path = Path("suites")
    catalogue_file: Path = Path("suites/requirements.yaml")
    files: Mapping[str, Path] = field(default_factory=dict)
    #: The topologies that were named one by one, and why others of ``all`` are left out.
    named: frozenset[str] = frozenset()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def described(self) -> dict[str, str]:
        """Return what a report says about how it was made."""
        return {
            "topologies": " ".join(topology.name for topology in self.topologies),
            "provider": self.provider,
            "mesh": self.mesh,
            "mesh-version": self.mesh_version,
            "kubernetes-version": self.kubernetes_version,
            "level": str(self.level),
            "keep": str(self.keep).lower(),
            "reuse": str(self.reuse).lower(),
            "prove": str(self.prove).lower(),
            "prove-window": f"{self.prove_window:g}",
            "selection": self.selection,
            "budget-scale": f"{self.budget_scale:g}",
            "outage": f"{self.outage:g}",
            "left-out": "; ".join(self.left_out.values()),
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One run. ``directory`` is shared by its processes and gone when it ends."""

    options: Options
    keeper: Keeper
    provider: Provider
    mesh: Mesh
    phases: Phases
    directory: Path
    id: str

    def topology(self, name: str | None) -> Topology:
        """Return the topology called ``name``; without a name, the only one."""
        if name is None:
            return self.options.topologies[0]
        return next(each for each in self.options.topologies if each.name == name)


@dataclass(frozen=True, slots=True)
class Gate:
    """Why a requirement is not judged here: a verdict that needs no run, and its reason."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Check:
    """A collected check: what it is about, and what keeps it from running.

    ``gates`` holds those of its requirements that cannot be judged here; the check runs if
    any requirement is left. ``sabotages`` are those it is to be proved by in this run;
    ``relation`` is that of the pair of clusters that it looks at, if it looks at one.
    """

    requirements: tuple[str, ...]
    topology: str
    gates: Mapping[str, Gate] = field(default_factory=dict)
    disturbs: bool = False
    relation: Relation | None = None
    sabotages: "tuple[Sabotage, ...]" = ()

    @property
    def runs(self) -> bool:
        """Whether any of its requirements can be judged here."""
        return any(each not in self.gates for each in self.requirements)


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


def by_assertion(error: BaseException) -> bool:
    """Say whether ``error`` is a broken expectation of the mesh, and nothing but that.

    A wait with a firm budget is for machinery, and pytest-timeout fails whatever is slow.
    """
    if isinstance(error, BaseExceptionGroup):
        return all(by_assertion(each) for each in error.exceptions)
    if isinstance(error, NotConverged):
        return not error.budget.firm
    if isinstance(error, pytest.fail.Exception):
        return not _TIMED_OUT.match(error.msg or "")
    return isinstance(error, AssertionError)


RUN: pytest.StashKey[Run] = pytest.StashKey()
CHECK: pytest.StashKey[Check] = pytest.StashKey()
DIARY: pytest.StashKey[CheckNotes] = pytest.StashKey()


def diary(item: pytest.Item) -> CheckNotes:
    """Return the diary of ``item``, opening it on first use."""
    return item.stash.setdefault(DIARY, CheckNotes())


def told(error: BaseException) -> str:
    """Return what an error says, in one paragraph; of several at once, what each says."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(told(each) for each in error.exceptions))
    text = redact(str(error)).strip()
    if isinstance(error, _EXPLAINED):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
