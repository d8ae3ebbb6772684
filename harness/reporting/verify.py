"""Check a report without trusting whoever sent it: ``meshproof verify REPORT``.

Nothing is run and no cluster is needed. What can be recomputed is recomputed: digests from
files, verdicts from checks, level summaries from verdicts, and, if the record lies beside the
report, the whole report from the record.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from harness import files
from harness.model import ConfigError, Fate, Level, Verdict, worst
from harness.reporting import digests
from harness.reporting.conformance import REPORT_FILE, content_digest, project
from harness.reporting.judgement import CLEAN
from harness.reporting.record import RECORD_FILE, RunRecord
from harness.reporting.report import ConformanceReport, LevelReport, TopologyReport


def verify(report: Path, *, catalogue: Path | None = None, suites: Path | None = None) -> list[str]:
    """Return everything that is wrong with ``report`` (a file, or its directory).

    Empty means: well-formed, unedited since it was written, consistent in itself, all
    evidence present and unchanged, and, where given, made from this ``catalogue`` file and
    this ``suites`` tree. It does not mean that the mesh passed.
    """
    path = report / REPORT_FILE if report.is_dir() else report
    try:
        document = files.read(path).data
        parsed = ConformanceReport.model_validate_json(json.dumps(document))
    except (ConfigError, ValidationError, TypeError) as error:
        return [f"not a conformance report: {error}"]
    return [
        *_edits(document, parsed),
        *_contradictions(parsed),
        *_evidence(parsed, path.parent),
        *_record(document, path.parent),
        *_sources(parsed, catalogue, suites),
    ]


def _edits(document: dict[str, Any], parsed: ConformanceReport) -> Iterator[str]:
    actual = content_digest(document)
    if actual != parsed.digests.content:
        stated = parsed.digests.content or "no digest"
        yield f"the report was changed after it was written: states {stated}, has {actual}"


def _contradictions(parsed: ConformanceReport) -> Iterator[str]:
    for topology in parsed.topologies:
        yield from _verdicts(topology)
        for level, summary in topology.levels.items():
            yield from _level(parsed, topology, level, summary)
    fates: Counter[Fate] = Counter()
    for topology in parsed.topologies:
        fates.update(_fates(topology))
    stated = parsed.sabotages
    counted = {fate: fates[fate] for fate in Fate}
    if counted != {fate: getattr(stated, fate) for fate in Fate}:
        told = ", ".join(f"{count} {fate}" for fate, count in counted.items())
        yield f"sabotages: the checks say {told}"


def _verdicts(topology: TopologyReport) -> Iterator[str]:
    for requirement in topology.requirements:
        if not requirement.checks:
            continue
        judged = worst(check.verdict for check in requirement.checks)
        if requirement.verdict not in (judged, worst([judged, Verdict.NOT_APPLICABLE])):
            yield (
                f"{topology.name} {requirement.id}: reported {requirement.verdict}, "
                f"but its checks amount to {judged}"
            )
    for requirement in topology.requirements:
        if not requirement.checks and requirement.verdict in (Verdict.PASSED, Verdict.FLAKY):
            yield f"{topology.name} {requirement.id}: reported passed without any check"


def _level(
    parsed: ConformanceReport, topology: TopologyReport, level: Level, summary: LevelReport
) -> Iterator[str]:
    mine = [each.verdict for each in topology.requirements if each.level is level]
    where = f"{topology.name} {level}"
    if dict(Counter(mine)) != dict(summary.counts):
        yield f"{where}: the counts do not match its requirements"
    dirty = [verdict for verdict in mine if verdict not in CLEAN]
    if summary.status == "passed" and (dirty or Verdict.PASSED not in mine):
        yield f"{where}: reported passed, but {len(dirty)} of its requirements did not pass"
    if summary.status == "passed" and not parsed.run.complete:
        yield f"{where}: reported passed, but the run is incomplete"


def _fates(topology: TopologyReport) -> Counter[Fate]:
    unique = {
        (check.check, proof.sabotage, proof.claim): proof.fate
        for requirement in topology.requirements
        for check in requirement.checks
        for proof in check.proofs
    }
    return Counter(unique.values())


def _evidence(parsed: ConformanceReport, directory: Path) -> Iterator[str]:
    for file in parsed.digests.evidence:
        path = directory / file.path
        if not path.resolve().is_relative_to(directory.resolve()):
            yield f"{file.path}: lies outside the report's directory"
        elif not path.is_file():
            yield f"{file.path}: this evidence is missing"
        elif digests.of_file(path) != file.sha256:
            yield f"{file.path}: this evidence was changed"


def _record(document: dict[str, Any], directory: Path) -> Iterator[str]:
    path = directory / RECORD_FILE
    if not path.is_file():
        return
    try:
        record = RunRecord.load(path)
    except ValidationError as error:
        yield f"{RECORD_FILE}: not a run record: {error}"
        return
    if project(record).document() != document:
        yield f"{RECORD_FILE}: the report does not follow from this record"


def _sources(
    parsed: ConformanceReport, catalogue: Path | None, suites: Path | None
) -> Iterator[str]:
    if catalogue and digests.of_file(catalogue) != parsed.digests.catalogue:
        yield f"{catalogue}: not the catalogue that the report was made with"
    if suites and digests.of_tree(suites) != parsed.digests.suites:
        yield f"{suites}: not the suites that the report was made with"
