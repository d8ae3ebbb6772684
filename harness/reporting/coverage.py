"""What is covered: requirement by topology, by checks that exist and by what they last said.

What exists is read from the files of checks, what they said from reports; nothing is run.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from harness.model import Catalogue, Fate, Level, Requirement, Topology, Verdict, structure
from harness.model.requirement import SabotageSpec
from harness.reporting.report import ConformanceReport, RequirementReport


@dataclass(frozen=True, slots=True)
class Written:
    """A check as its file has it: what it cites and looks at, and the sabotages that it proves.

    ``subjects`` are the fixtures it asks for, which it is repeated for; ``sabotages`` are names
    as the catalogue has them.
    """

    requirements: tuple[str, ...]
    subjects: frozenset[str]
    sabotages: frozenset[str]


@dataclass(frozen=True, slots=True)
class Cell:
    """A requirement on one topology: ``verdict`` is the last one, if any report has one.

    Of the sabotages that the catalogue names for this topology, ``written`` are those that a
    check implements and ``killed`` those that a report shows to be caught.
    """

    requirement: Requirement
    topology: str
    applies: bool
    checked: bool = False
    verdict: Verdict | None = None
    named: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    killed: frozenset[str] = frozenset()

    @property
    def missing(self) -> bool:
        """Whether it is promised here and nobody has written a check of it."""
        return self.applies and not self.checked


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every cell, by the id of its requirement and the name of its topology."""

    catalogue: Catalogue
    topologies: Sequence[Topology]
    cells: Mapping[tuple[str, str], Cell] = field(default_factory=dict)

    def row(self, requirement: str) -> list[Cell]:
        """Return the cells of one requirement, in the order of the topologies."""
        return [self.cells[requirement, topology.name] for topology in self.topologies]

    def missing(self, level: Level) -> Iterator[Cell]:
        """Yield the cells of ``level`` that nobody has written a check for."""
        for cell in self.cells.values():
            if cell.requirement.level is level and cell.missing:
                yield cell


def coverage(
    catalogue: Catalogue,
    topologies: Sequence[Topology],
    checks: Sequence[Written],
    reports: Iterable[ConformanceReport] = (),
) -> Coverage:
    """Hold checks and reports against what is promised; of two reports, the later one counts."""
    said = _said(reports)
    cells = {
        (requirement.id, topology.name): _cell(requirement, topology, checks, said)
        for requirement in catalogue.requirements
        for topology in topologies
    }
    return Coverage(catalogue, topologies, cells)


_Said = Mapping[tuple[str, str], Sequence[RequirementReport]]


def _said(reports: Iterable[ConformanceReport]) -> _Said:
    """Return what reports say of each requirement and topology, the earliest first."""
    found: dict[tuple[str, str], list[RequirementReport]] = {}
    for report in sorted(reports, key=lambda each: each.run.finished):
        for topology in report.topologies:
            for each in topology.requirements:
                if each.checks or topology.left_out:
                    found.setdefault((each.id, topology.name), []).append(each)
    return found


def _cell(
    requirement: Requirement, topology: Topology, checks: Sequence[Written], said: _Said
) -> Cell:
    if not requirement.applies(topology):
        return Cell(requirement, topology.name, applies=False)
    own = [each for each in checks if requirement.id in each.requirements]
    named = frozenset(each.name for each in _possible(requirement, topology))
    written = frozenset(name for each in own for name in each.sabotages)
    told = said.get((requirement.id, topology.name), ())
    return Cell(
        requirement,
        topology.name,
        applies=True,
        checked=any(_looks(each, requirement, topology) for each in own),
        verdict=told[-1].verdict if told else None,
        named=named,
        written=named & written,
        killed=named & _killed(told),
    )


def _looks(check: Written, requirement: Requirement, topology: Topology) -> bool:
    """Say whether the topology has all that the check is repeated for."""
    found: Mapping[str, Iterable[bool]] = {
        "source": (requirement.about(each) for *_, each in structure.relations(topology)),
        "cluster": (requirement.clusters.holds(topology, each) for each in topology.members),
        "network": (requirement.networks.holds(topology, each.name) for each in topology.networks),
        "control_plane": (
            requirement.control_planes.holds(each) for each in structure.control_planes(topology)
        ),
        "machine": (
            requirement.machines is not None and requirement.machines.holds(topology, each)
            for each in topology.machines
        ),
    }
    return all(any(held) for subject, held in found.items() if subject in check.subjects)


def _possible(requirement: Requirement, topology: Topology) -> Iterator[SabotageSpec]:
    relations = [each for *_, each in structure.relations(topology)]
    for sabotage in requirement.sabotage:
        fits = sabotage.pairs is None or any(map(sabotage.pairs.holds, relations))
        if fits and sabotage.possible(topology):
            yield sabotage


def _killed(told: Sequence[RequirementReport]) -> frozenset[str]:
    """Return the sabotages that were killed wherever the last report with proofs tried them."""
    proofs = [
        [proof for check in each.checks for proof in check.proofs]
        for each in told
        if any(check.proofs for check in each.checks)
    ]
    last = proofs[-1] if proofs else []
    lived = {proof.sabotage for proof in last if proof.fate is not Fate.KILLED}
    return frozenset(proof.sabotage for proof in last) - lived
