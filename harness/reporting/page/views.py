"""What the page shows, made from the record: the template only lays it out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.model import (
    CheckResult,
    Fate,
    Level,
    PhaseTime,
    Proof,
    Requirement,
    Topology,
    Verdict,
    worst,
)
from harness.reporting import judgement
from harness.reporting.conformance import programs, project
from harness.reporting.page.drawing import Drawing, draw
from harness.reporting.record import LabRecord, RunRecord
from harness.reporting.report import ConformanceReport, ProgramReport

#: The order in which verdicts are listed: what needs attention first.
ATTENTION = tuple(reversed(Verdict))


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole: ``start`` and ``size`` in percent."""

    label: str
    count: int
    start: float
    size: float


@dataclass(frozen=True, slots=True)
class LevelView:
    """A level with its summary and the bar of its verdicts."""

    summary: judgement.LevelSummary
    total: int
    bar: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Who reached whom: number of calls by hop; ``seen`` is false if nobody looked."""

    source: str
    target: str
    hops: tuple[tuple[str, int], ...]

    @property
    def seen(self) -> bool:
        """Whether any check observed calls from source to target."""
        return bool(self.hops)


@dataclass(frozen=True, slots=True)
class AreaView:
    """The requirements of an area, those that need attention first.

    ``asked`` are those of the levels that the run asks for, as far as they are applicable.
    """

    name: str
    outcomes: tuple[judgement.Outcome, ...]
    bar: tuple[Share, ...]
    asked: tuple[judgement.Outcome, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of what was asked for."""
        return worst(each.verdict for each in self.asked)

    @property
    def passed(self) -> int:
        """How many of what was asked for have passed."""
        return sum(each.verdict is Verdict.PASSED for each in self.asked)


@dataclass(frozen=True, slots=True)
class TopologyView:
    """Everything about one topology; ``left_out`` says why it was not raised, if it was not."""

    topology: Topology
    left_out: str
    status: str
    drawing: Drawing
    labs: tuple[LabRecord, ...]
    levels: tuple[LevelView, ...]
    matrix: tuple[tuple[Cell, ...], ...]
    areas: tuple[AreaView, ...]
    counts: tuple[tuple[Verdict, int], ...]

    def area(self, name: str) -> AreaView:
        """Return the area called ``name``."""
        return next(each for each in self.areas if each.name == name)

    def verdict(self, requirement: str) -> Verdict:
        """Return the verdict of one requirement."""
        found = (each for area in self.areas for each in area.outcomes)
        return next(each.verdict for each in found if each.requirement.id == requirement)


@dataclass(frozen=True, slots=True)
class Bar:
    """A phase as a bar on the time line of the run, in percent of it."""

    phase: PhaseTime
    start: float
    size: float


@dataclass(frozen=True, slots=True)
class Page:
    """The whole page."""

    record: RunRecord
    report: ConformanceReport
    status: str
    topologies: tuple[TopologyView, ...]
    #: The requirements of each area, in the catalogue's order.
    areas: Mapping[str, tuple[Requirement, ...]]
    kills: judgement.KillRatio
    sabotages: tuple[tuple[CheckResult, Proof], ...]
    phases: tuple[Bar, ...]
    span: float
    programs: tuple[ProgramReport, ...]


def page(record: RunRecord) -> Page:
    """Prepare ``record`` for the page."""
    shown = tuple(_topology(record, topology) for topology in record.topologies)
    span = max((phase.start + phase.seconds for phase in record.phases), default=0.0)
    return Page(
        record=record,
        report=project(record),
        status=_overall(shown),
        topologies=shown,
        areas=_by_area(record),
        kills=judgement.kill_ratio(record),
        sabotages=tuple(sorted(judgement.proofs(record), key=_concern)),
        phases=tuple(_bars(record.phases, span)),
        span=span,
        programs=programs(record),
    )


def seconds(value: float) -> str:
    """Return a duration as people read it: ``0.24 s``, ``12.3 s``, ``3 min 05 s``."""
    if value < 1:
        return f"{value:.2f} s"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def _by_area(record: RunRecord) -> dict[str, tuple[Requirement, ...]]:
    known = record.catalogue.requirements
    return {
        area: tuple(each for each in known if each.area == area)
        for area in dict.fromkeys(each.area for each in known)
    }


def _overall(topologies: Iterable[TopologyView]) -> str:
    statuses = {view.status for view in topologies}
    if statuses == {"passed"}:
        return "passed"
    return "blocked" if "blocked" in statuses else "nothing-checked"


def _status(record: RunRecord, summaries: Mapping[Level, judgement.LevelSummary]) -> str:
    """Return what may be claimed for the level of the run: it asks for more binding ones, too."""
    if any(summaries[level].status == "blocked" for level in _asked(record)):
        return "blocked"
    return summaries[record.level].status


def _asked(record: RunRecord) -> list[Level]:
    ranked = [*Level]
    return ranked[: ranked.index(record.level) + 1]


def _concern(entry: tuple[CheckResult, Proof]) -> tuple[bool, str, str]:
    result, proof = entry
    return proof.fate is Fate.KILLED, result.requirement, proof.sabotage


def _topology(record: RunRecord, topology: Topology) -> TopologyView:
    judged = judgement.outcomes(record, topology.name)
    summaries = {each.level: each for each in judgement.levels(record, topology.name)}
    labs = tuple(lab for lab in record.labs if lab.topology == topology.name)
    counts = Counter(outcome.verdict for outcome in judged)
    left_out = record.why_left_out(topology.name)
    return TopologyView(
        topology=topology,
        left_out=left_out.reason if left_out else "",
        status=_status(record, summaries),
        drawing=draw(topology, tuple(each for lab in labs for each in lab.clusters)),
        labs=labs,
        levels=tuple(_level(summaries[level]) for level in Level),
        matrix=_matrix(record, topology),
        areas=tuple(_areas(judged, _asked(record))),
        counts=tuple((verdict, counts[verdict]) for verdict in ATTENTION if counts[verdict]),
    )


def _level(summary: judgement.LevelSummary) -> LevelView:
    total = sum(
        count for verdict, count in summary.counts.items() if verdict is not Verdict.NOT_APPLICABLE
    )
    return LevelView(summary=summary, total=total, bar=_shares(summary.counts))


def _shares(counts: dict[Verdict, int]) -> tuple[Share, ...]:
    """Split a bar among the verdicts that were really at stake (not *not-applicable*)."""
    staked = {v: counts[v] for v in Verdict if counts.get(v) and v is not Verdict.NOT_APPLICABLE}
    total = sum(staked.values())
    shares: list[Share] = []
    start = 0.0
    for verdict, count in staked.items():
        size = 100 * count / total
        shares.append(Share(label=verdict, count=count, start=start, size=size))
        start += size
    return tuple(shares)


def _matrix(record: RunRecord, topology: Topology) -> tuple[tuple[Cell, ...], ...]:
    calls: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for observation in _observations(record, topology.name):
        calls[observation[0], observation[1]][observation[2]] += observation[3]
    names = [cluster.name for cluster in topology.clusters]
    return tuple(
        tuple(
            Cell(source, target, tuple(sorted(calls[source, target].items()))) for target in names
        )
        for source in names
    )


def _observations(record: RunRecord, topology: str) -> set[tuple[str, str, str, int, str]]:
    """Return what was seen, once per check even if the check serves several requirements."""
    return {
        (seen.source, seen.target, seen.hop, seen.count, result.check)
        for result in record.results
        if result.topology == topology
        for seen in result.observations
    }


def _areas(judged: tuple[judgement.Outcome, ...], levels: list[Level]) -> Iterator[AreaView]:
    grouped: dict[str, list[judgement.Outcome]] = {}
    for outcome in judged:
        grouped.setdefault(outcome.requirement.area, []).append(outcome)
    rank = {verdict: position for position, verdict in enumerate(ATTENTION)}
    urgent = {Verdict.FAILED, Verdict.UNKNOWN}
    for name, mine in sorted(
        grouped.items(), key=lambda item: not urgent.intersection(each.verdict for each in item[1])
    ):
        counts = Counter(outcome.verdict for outcome in mine)
        ordered = sorted(mine, key=lambda each: (rank[each.verdict], each.requirement.id))
        asked = tuple(
            each
            for each in ordered
            if each.requirement.level in levels and each.verdict is not Verdict.NOT_APPLICABLE
        )
        yield AreaView(name, tuple(ordered), _shares(dict(counts)), asked)


def _bars(phases: Iterable[PhaseTime], span: float) -> Iterator[Bar]:
    for phase in phases:
        start = 100 * phase.start / span if span else 0.0
        yield Bar(phase=phase, start=start, size=100 * phase.seconds / span if span else 0.0)
