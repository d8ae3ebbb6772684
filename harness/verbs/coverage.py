"""``meshproof coverage``: requirement by topology, what is checked there and what it said last."""

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from pydantic import ValidationError

from harness import files
from harness.model import ConfigError, Level, Topology, Verdict
from harness.reporting.compare import read_report
from harness.reporting.conformance import REPORT_FILE, project
from harness.reporting.coverage import Cell, Coverage, Written, coverage
from harness.reporting.record import RECORD_FILE, RunRecord
from harness.reporting.report import ConformanceReport
from harness.session.marks import citations
from harness.verbs.settings import setting

#: What a cell says before its sabotages, where the requirement is about the topology.
_SHORT = {
    Verdict.PASSED: "ok",
    Verdict.FLAKY: "fl",
    Verdict.NOT_APPLICABLE: "na",
    Verdict.SKIPPED: "sk",
    Verdict.NOT_RUN: "nr",
    Verdict.UNKNOWN: "un",
    Verdict.FAILED: "FAILED",
}
_LEGEND = (
    "ok fl na sk nr un FAILED: last verdict (passed, flaky, not-applicable, skipped, not-run,",
    "unknown, failed); ?: checked, no verdict yet; --: no check; .: not about this topology;",
    "k/w/n: of n sabotages that the catalogue names, w are written and k were killed",
)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``coverage``, and the function that carries it out as ``rows``."""
    parser.add_argument(
        "--report",
        action="append",
        type=Path,
        metavar="DIR",
        help="a report or its directory, whose verdicts are shown; of several, the later one "
        "counts (default: the newest in reports/)",
    )
    parser.add_argument(
        "--topology",
        action="append",
        metavar="NAME|PATH",
        help="as for pytest; default: all",
    )
    parser.add_argument("--level", choices=[str(level) for level in Level], help="only this level")
    parser.add_argument("--missing", action="store_true", help="list what has no check, no more")
    parser.add_argument("--directory", type=Path, help="where topologies are declared")
    parser.add_argument("--catalogue", type=Path, help="the requirement catalogue")
    parser.add_argument("--suites", type=Path, help="where the checks are")
    parser.set_defaults(rows=_coverage)


def _coverage(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    catalogue = files.load_catalogue(
        options.catalogue or setting("catalogue", "suites/requirements.yaml")
    )
    suites = options.suites or setting("suites", "suites")
    places = options.report if options.report is not None else newest(Path("reports"))
    found = coverage(
        catalogue,
        _topologies(options.topology or [files.ALL], options.directory),
        written(suites),
        [_report(place) for place in places],
    )
    levels = [Level(options.level)] if options.level else [*Level]
    if options.missing:
        return [*_missing(found, levels)], 0
    shown = ", ".join(map(str, places)) or "no report: only what is written is shown"
    return [f"verdicts of {shown}", *_LEGEND, "", *table(found, levels)], 0


def _topologies(wanted: Sequence[str], given: Path | None) -> list[Topology]:
    directory = given or setting("topology_dir", "topologies")
    paths: list[Path] = []
    for name in wanted:
        group = files.topology_group(name, directory)
        paths += [files.find_topology(name, directory)] if group is None else group
    return [files.load_topology(path) for path in dict.fromkeys(paths)]


def written(suites: Path) -> list[Written]:
    """Return every check in ``suites`` as its file has it."""
    return [
        Written(each.requirements, each.parameters, each.sabotages)
        for path in sorted(suites.rglob("test_*.py"))
        for each in citations(path)
    ]


def newest(reports: Path) -> list[Path]:
    """Return the directory in (or below) ``reports`` that was written last, if there is any."""
    found = [*reports.glob(REPORT_FILE), *reports.glob(f"*/{REPORT_FILE}")]
    return [each.parent for each in sorted(found, key=lambda path: path.stat().st_mtime)[-1:]]


def _report(place: Path) -> ConformanceReport:
    """Read a report; from its record if that is there, which is quicker by far."""
    path = place / RECORD_FILE if place.is_dir() else place
    if path.name != RECORD_FILE or not path.exists():
        return read_report(place)
    try:
        return project(RunRecord.load(path))
    except ValidationError as error:
        raise ConfigError(str(path), [f"not a run record: {error}"]) from None


def table(found: Coverage, levels: Sequence[Level]) -> Iterator[str]:
    """Yield a line for each requirement, and the sums of each topology."""
    shown = [each for each in found.catalogue.requirements if each.level in levels]
    heads = [_head(found, topology) for topology in found.topologies]
    rows = [[_told(cell) for cell in found.row(each.id)] for each in shown]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    yield _line("", "", heads, widths)
    for requirement, row in zip(shown, rows, strict=True):
        yield _line(requirement.id, requirement.level, row, widths)
    yield ""
    for topology in found.topologies:
        cells = [found.cells[each.id, topology.name] for each in shown]
        yield f"{_head(found, topology):<8} {topology.name}: {_sum(cells)}"


def _head(found: Coverage, topology: Topology) -> str:
    entry = found.catalogue.topologies.get(topology.name)
    return entry.code if entry else topology.name


def _line(requirement: str, level: str, cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"{requirement:<6} {level:<8}  {'  '.join(padded)}".rstrip()


def _told(cell: Cell) -> str:
    if not cell.applies:
        return "."
    if not cell.checked:
        return "--" if cell.verdict is None else f"-- {_SHORT[cell.verdict]}"
    verdict = _SHORT[cell.verdict] if cell.verdict else "?"
    return f"{verdict} {len(cell.killed)}/{len(cell.written)}/{len(cell.named)}"


def _sum(cells: Sequence[Cell]) -> str:
    own = [cell for cell in cells if cell.applies]
    verdicts = Counter(cell.verdict for cell in own if cell.checked)
    told = [f"{verdicts[each]} {each}" for each in Verdict if verdicts[each]]
    named, killed = sum(len(cell.named) for cell in own), sum(len(cell.killed) for cell in own)
    implemented = sum(len(cell.written) for cell in own)
    checked = f"{sum(cell.checked for cell in own)} of {len(own)} checked"
    sabotages = f"sabotages: {killed} killed, {implemented} written, {named} named"
    return "; ".join([checked, *([", ".join(told)] if told else []), sabotages])


def _missing(found: Coverage, levels: Sequence[Level]) -> Iterator[str]:
    cells = [cell for level in levels for cell in found.missing(level)]
    for _, grouped in groupby(cells, key=lambda cell: cell.requirement.id):
        own = list(grouped)
        requirement, where = own[0].requirement, ", ".join(cell.topology for cell in own)
        yield f"{requirement.id} {requirement.level} {requirement.title}: {where}"
    yield f"{len(cells)} cells have no check"
