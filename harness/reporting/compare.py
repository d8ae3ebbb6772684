"""Two reports side by side, check by check: ``meshproof compare ONE OTHER``."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from harness import files
from harness.model import ConfigError, Verdict
from harness.reporting.conformance import REPORT_FILE
from harness.reporting.report import ConformanceReport


@dataclass(frozen=True, slots=True)
class Row:
    """A check of a requirement, as one report judges it and as the other does.

    A verdict is ``None`` where that report has no such check.
    """

    topology: str
    requirement: str
    check: str
    one: Verdict | None
    other: Verdict | None

    @property
    def same(self) -> bool:
        """Whether both reports judge it alike."""
        return self.one is self.other


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two reports are about, and every check that either of them has."""

    one: str
    other: str
    rows: tuple[Row, ...]

    @property
    def different(self) -> tuple[Row, ...]:
        """The checks that are judged differently."""
        return tuple(row for row in self.rows if not row.same)

    def table(self, rows: tuple[Row, ...]) -> Iterator[str]:
        """Yield ``rows`` as a Markdown table."""
        yield f"| requirement | check | {self.one} | {self.other} |"
        yield "|---|---|---|---|"
        for row in rows:
            verdicts = " | ".join(str(verdict or "-") for verdict in (row.one, row.other))
            yield f"| {row.requirement} | {row.check} | {verdicts} |"

    def summary(self) -> str:
        """Say how many checks there are, and how many of them are judged alike."""
        return f"{len(self.rows)} checks, {len(self.different)} judged differently"


def compare(one: Path, other: Path) -> Comparison:
    """Compare two reports (files, or their directories).

    Raises :class:`ConfigError` where one is not a report, or where they have no topology in
    common: nothing could be learnt from that.
    """
    first, second = read_report(one), read_report(other)
    ours, theirs = _verdicts(first), _verdicts(second)
    if not {key[0] for key in ours} & {key[0] for key in theirs}:
        raise ConfigError(f"{one}, {other}", ["the reports have no judged topology in common"])
    keys = [*ours, *(key for key in theirs if key not in ours)]
    rows = tuple(Row(*key, ours.get(key), theirs.get(key)) for key in keys)
    return Comparison(_title(first), _title(second), rows)


def read_report(report: Path) -> ConformanceReport:
    """Read a report (a file, or its directory); :class:`ConfigError` if it is none."""
    path = report / REPORT_FILE if report.is_dir() else report
    document = files.read(path).data
    try:
        return ConformanceReport.model_validate_json(json.dumps(document))
    except (ValidationError, TypeError) as error:
        raise ConfigError(str(path), [f"not a conformance report: {error}"]) from None


def _verdicts(report: ConformanceReport) -> dict[tuple[str, str, str], Verdict]:
    return {
        (topology.name, requirement.id, check.check): check.verdict
        for topology in report.topologies
        for requirement in topology.requirements
        for check in requirement.checks
    }


def _title(report: ConformanceReport) -> str:
    """Name a report by what may differ between two: where it ran, and what."""
    providers = sorted({lab.provider for lab in report.labs}) or ["no lab"]
    return f"{', '.join(providers)}: {report.product.name} {report.product.version}".rstrip()
