"""What a run leaves behind: everything any report needs, and nothing that judges it.

The record is stored first (``record.json``) and judged later, so every report can be written
again from it, by this version or a later one, without running anything.
"""

from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict

from harness.model import (
    Catalogue,
    CheckResult,
    Lab,
    LeftOut,
    Level,
    PhaseTime,
    Program,
    Topology,
)

RECORD_FILE = "record.json"


class _Recorded(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClusterRecord(_Recorded):
    """A cluster as it was read from its API server, without paths or addresses of this machine."""

    name: str
    network: str
    kubernetes: str


class LabRecord(_Recorded):
    """A lab that this run used; ``topology`` is the name of one of the record's topologies."""

    id: str
    provider: str
    topology: str
    clusters: tuple[ClusterRecord, ...] = ()
    programs: tuple[Program, ...] = ()

    @classmethod
    def of(cls, lab: Lab) -> Self:
        """Keep of ``lab`` what a reader of the report may know."""
        clusters = tuple(
            ClusterRecord(name=c.name, network=c.network, kubernetes=c.version)
            for c in lab.clusters
        )
        return cls(
            id=lab.id,
            provider=lab.provider,
            topology=lab.topology.name,
            clusters=clusters,
            programs=lab.programs,
        )


class Product(_Recorded):
    """The mesh under test, and the programs that ran on its behalf."""

    name: str
    version: str
    programs: tuple[Program, ...] = ()


class Environment(_Recorded):
    """The machine the run was driven from. Never its name."""

    system: str
    architecture: str
    python: str
    cpus: int
    memory_mb: int
    root: bool


class Digests(_Recorded):
    """SHA-256 of what the verdicts rest on; ``topologies`` by name, ``suites`` over the tree."""

    catalogue: str = ""
    topologies: dict[str, str] = {}
    suites: str = ""


class EvidenceFile(_Recorded):
    """A file kept beside the report; ``path`` is relative to the report's directory."""

    path: str
    sha256: str
    size: int


class RunRecord(_Recorded):
    """One run, as data.

    ``level`` is what the run was asked to gate. ``left_out`` says which of the topologies were
    not raised, as mesh or provider refuse them. ``lost`` names checks that were started or
    selected and left no result (a killed worker). ``complete`` is false if anything that was
    selected has no result, whatever the reason. ``trouble`` tells why a lab could not be
    raised, or what broke outside any check.
    """

    schema_id: Literal["meshproof/run-record/v1"] = "meshproof/run-record/v1"
    run_id: str
    tool_version: str
    started: datetime
    finished: datetime
    options: dict[str, str] = {}
    environment: Environment
    level: Level = Level.CORE
    catalogue: Catalogue
    topologies: tuple[Topology, ...]
    left_out: tuple[LeftOut, ...] = ()
    product: Product
    labs: tuple[LabRecord, ...] = ()
    results: tuple[CheckResult, ...] = ()
    lost: tuple[str, ...] = ()
    trouble: tuple[str, ...] = ()
    phases: tuple[PhaseTime, ...] = ()
    complete: bool = True
    digests: Digests = Digests()
    evidence: tuple[EvidenceFile, ...] = ()

    def topology(self, name: str) -> Topology:
        """Return the topology called ``name``."""
        return next(topology for topology in self.topologies if topology.name == name)

    def why_left_out(self, topology: str) -> LeftOut | None:
        """Return why ``topology`` was not raised, if it was not."""
        return next((each for each in self.left_out if each.topology == topology), None)

    def save(self, directory: Path) -> Path:
        """Write the record to ``directory``; return the file."""
        path = directory / RECORD_FILE
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a record back; the inverse of :meth:`save`."""
        return cls.model_validate_json(path.read_text(encoding="utf-8"))
