"""``conformance.yaml``: what may be claimed about a mesh, and what the claim rests on.

The report is a projection of the record. Its ``content`` digest covers everything else in
it, so an edit by hand shows; the digests of record, catalogue, topologies, suites and
evidence tie it to what it was made from. :mod:`harness.reporting.verify` checks all of that.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from harness.model import CheckResult, Level, Topology
from harness.reporting import digests, judgement
from harness.reporting.record import LabRecord, Product, RunRecord
from harness.reporting.report import (
    SCHEMA_ID,
    CheckReport,
    ConformanceReport,
    DigestReport,
    KillReport,
    LabReport,
    LevelReport,
    MemberReport,
    PhaseReport,
    ProductReport,
    ProgramReport,
    RequirementReport,
    RunReport,
    ToolReport,
    TopologyReport,
)

REPORT_FILE = "conformance.yaml"


def project(record: RunRecord) -> ConformanceReport:
    """Judge ``record`` and say so in the report's terms, content digest included."""
    draft = ConformanceReport(
        schema_id=SCHEMA_ID,
        product=_product(record.product),
        tool=ToolReport(name="meshproof", version=record.tool_version),
        run=_run(record),
        environment=record.environment,
        topologies=tuple(_topology(record, topology) for topology in record.topologies),
        sabotages=_kills(record),
        labs=tuple(_lab(lab) for lab in record.labs),
        programs=programs(record),
        phases=tuple(
            PhaseReport(name=p.name, start=round(p.start, 3), seconds=round(p.seconds, 3), ok=p.ok)
            for p in record.phases
        ),
        digests=DigestReport(
            record=digests.of_value(record.model_dump(mode="json")),
            catalogue=record.digests.catalogue,
            suites=record.digests.suites,
            evidence=record.evidence,
        ),
    )
    sealed = draft.digests.model_copy(update={"content": content_digest(draft.document())})
    return draft.model_copy(update={"digests": sealed})


def content_digest(document: dict[str, Any]) -> str:
    """Return the digest of a report's document, leaving out the digest itself."""
    own = {key: value for key, value in document["digests"].items() if key != "content"}
    return digests.of_value({**document, "digests": own})


def programs(record: RunRecord) -> tuple[ProgramReport, ...]:
    """List every program of the run once, by name and version."""
    listed = [*record.product.programs, *(each for lab in record.labs for each in lab.programs)]
    unique = {(p.name, p.version, p.sha256): p for p in listed}
    return tuple(ProgramReport(**unique[key].model_dump()) for key in sorted(unique))


def to_yaml(document: dict[str, Any]) -> str:
    """Write a JSON-able document as YAML: its own order, text of several lines in blocks."""
    return yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100, indent=2
    )


class ConformanceWriter:
    """Writes ``conformance.yaml``."""

    name = "conformance"

    def write(self, record: RunRecord, directory: Path) -> Path:
        """Write the report; see :class:`harness.reporting.writers.ReportWriter`."""
        path = directory / REPORT_FILE
        path.write_text(to_yaml(project(record).document()), encoding="utf-8")
        return path


class _Dumper(yaml.SafeDumper):
    """Plain YAML, with readable blocks for text of several lines and no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - part of the vendor's interface
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _product(product: Product) -> ProductReport:
    return ProductReport(name=product.name, version=product.version)


def _run(record: RunRecord) -> RunReport:
    return RunReport(
        id=record.run_id,
        started=record.started,
        finished=record.finished,
        seconds=round((record.finished - record.started).total_seconds(), 3),
        level=record.level,
        complete=record.complete and not record.lost,
        lost=record.lost,
        trouble=record.trouble,
        options=record.options,
    )


def _lab(lab: LabRecord) -> LabReport:
    return LabReport(id=lab.id, topology=lab.topology, provider=lab.provider, clusters=lab.clusters)


def _kills(record: RunRecord) -> KillReport:
    ratio = judgement.kill_ratio(record)
    return KillReport(**ratio.model_dump(), total=ratio.total)


def _topology(record: RunRecord, topology: Topology) -> TopologyReport:
    judged = judgement.outcomes(record, topology.name)
    left_out = record.why_left_out(topology.name)
    return TopologyReport(
        name=topology.name,
        title=topology.title,
        left_out=left_out.reason if left_out else "",
        sha256=record.digests.topologies.get(topology.name, ""),
        mesh_id=topology.mesh_id,
        trust_domain=topology.trust_domain,
        networks=tuple(network.name for network in topology.networks),
        clusters=tuple(
            MemberReport(name=c.name, network=c.network, role=c.role, nodes=len(c.nodes))
            for c in topology.clusters
        ),
        levels=dict(_levels(judgement.levels(record, topology.name))),
        requirements=tuple(_requirement(outcome) for outcome in judged),
    )


def _levels(
    summaries: Iterable[judgement.LevelSummary],
) -> Iterable[tuple[Level, LevelReport]]:
    for each in summaries:
        report = LevelReport(status=each.status, counts=each.counts, blocked_by=each.blocked_by)
        yield each.level, report


def _requirement(outcome: judgement.Outcome) -> RequirementReport:
    requirement = outcome.requirement
    return RequirementReport(
        id=requirement.id,
        title=requirement.title,
        level=requirement.level,
        area=requirement.area,
        verdict=outcome.verdict,
        reason=outcome.reason,
        checks=tuple(_check(check) for check in outcome.checks),
    )


def _check(check: CheckResult) -> CheckReport:
    return CheckReport(
        check=check.check,
        verdict=check.verdict,
        seconds=round(check.seconds, 3),
        reason=check.reason,
        waited=round(check.waited, 3),
        notes=check.notes,
        observations=check.observations,
        evidence=check.evidence,
        proofs=tuple(
            proof.model_copy(update={"seconds": round(proof.seconds, 3)}) for proof in check.proofs
        ),
    )
