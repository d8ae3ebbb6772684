"""The shape of ``conformance.yaml``; its JSON Schema is generated from these models."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.model import Level, Observation, Proof, Role, Verdict
from harness.reporting.judgement import LevelStatus
from harness.reporting.record import ClusterRecord, Environment, EvidenceFile

SCHEMA_ID: Literal["meshproof/conformance-report/v1"] = "meshproof/conformance-report/v1"


class _Reported(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CheckReport(_Reported):
    """One check of a requirement. ``waited`` is the part of ``seconds`` the promise demands."""

    check: str
    verdict: Verdict
    seconds: float
    reason: str = ""
    waited: float = 0.0
    notes: tuple[str, ...] = ()
    observations: tuple[Observation, ...] = ()
    evidence: str = Field("", description="Directory with evidence, relative to this file.")
    proofs: tuple[Proof, ...] = ()


class RequirementReport(_Reported):
    """A requirement on one topology; its verdict is the worst of its checks."""

    id: str
    title: str
    level: Level
    area: str
    verdict: Verdict
    reason: str = ""
    checks: tuple[CheckReport, ...] = ()


class LevelReport(_Reported):
    """``passed`` only if every requirement of the level that applies has passed."""

    status: LevelStatus
    counts: dict[Verdict, int]
    blocked_by: tuple[str, ...] = ()


class MemberReport(_Reported):
    """A cluster as the topology declares it."""

    name: str
    network: str
    role: Role
    nodes: int


class TopologyReport(_Reported):
    """Everything that was judged on one topology. ``sha256`` is that of its file.

    ``left_out`` says why it was not raised: nothing was judged on it then.
    """

    name: str
    title: str
    left_out: str = ""
    sha256: str = ""
    mesh_id: str
    trust_domain: str
    networks: tuple[str, ...]
    clusters: tuple[MemberReport, ...]
    levels: dict[Level, LevelReport]
    requirements: tuple[RequirementReport, ...]


class LabReport(_Reported):
    """A lab that the checks ran on, as read from its API servers."""

    id: str
    topology: str
    provider: str
    clusters: tuple[ClusterRecord, ...] = ()


class ProgramReport(_Reported):
    """A program that ran, its origin, and exactly which file it was."""

    name: str
    version: str
    source: str
    sha256: str
    note: str = ""


class ProductReport(_Reported):
    """The mesh under test."""

    name: str
    version: str


class PhaseReport(_Reported):
    """A step of raising or undoing a lab; ``start`` is seconds since the run began."""

    name: str
    start: float
    seconds: float
    ok: bool


class KillReport(_Reported):
    """How many sabotages were caught by the claim they were meant for; ``missing``: unwritten."""

    killed: int
    survived: int
    spoiled: int
    missing: int = 0
    total: int


class RunReport(_Reported):
    """When and how; ``complete`` is false if anything selected has no result."""

    id: str
    started: datetime
    finished: datetime
    seconds: float
    level: Level
    complete: bool
    lost: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    options: dict[str, str] = {}


class ToolReport(_Reported):
    """The harness itself."""

    name: Literal["meshproof"]
    version: str


class DigestReport(_Reported):
    """SHA-256 digests; ``content`` is over this document (canonical JSON) without it."""

    record: str
    catalogue: str = ""
    suites: str = ""
    evidence: tuple[EvidenceFile, ...] = ()
    content: str = ""


class ConformanceReport(_Reported):
    """A mesh, judged: what passed, what did not and why, and what the verdicts rest on."""

    schema_id: Literal["meshproof/conformance-report/v1"]
    product: ProductReport
    tool: ToolReport
    run: RunReport
    environment: Environment
    topologies: tuple[TopologyReport, ...]
    sabotages: KillReport
    labs: tuple[LabReport, ...] = ()
    programs: tuple[ProgramReport, ...] = ()
    phases: tuple[PhaseReport, ...] = ()
    digests: DigestReport

    def document(self) -> dict[str, Any]:
        """Return the JSON-able form that is written and digested."""
        return self.model_dump(mode="json", exclude_defaults=True)
