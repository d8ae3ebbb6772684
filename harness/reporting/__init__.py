"""One record of a run, and one writer per report format."""

from harness.reporting.judgement import KillRatio, LevelSummary, Outcome
from harness.reporting.record import (
    ClusterRecord,
    Digests,
    Environment,
    EvidenceFile,
    LabRecord,
    Product,
    RunRecord,
)
from harness.reporting.verify import verify
from harness.reporting.writers import BUILT_IN, ReportWriter, Written, write_all

__all__ = [
    "BUILT_IN",
    "ClusterRecord",
    "Digests",
    "Environment",
    "EvidenceFile",
    "KillRatio",
    "LabRecord",
    "LevelSummary",
    "Outcome",
    "Product",
    "ReportWriter",
    "RunRecord",
    "Written",
    "verify",
    "write_all",
]
