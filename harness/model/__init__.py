"""The nouns of the harness. Pure data: no module here performs I/O or imports pytest."""

from harness.model.errors import (
    ApiError,
    ConfigError,
    HarnessError,
    InterruptedAnswerError,
    MachineError,
    ToolError,
)
from harness.model.lab import Cluster, Lab, Program
from harness.model.plan import ClusterPlan, NetworkPlan, NodePlan, plan_networks
from harness.model.requirement import Catalogue, Level, Requirement
from harness.model.result import (
    CheckResult,
    Fate,
    Observation,
    PhaseTime,
    Proof,
    Verdict,
    judge,
    worst,
)
from harness.model.topology import ClusterSpec, NetworkSpec, NodeSpec, Role, Topology

__all__ = [
    "ApiError",
    "Catalogue",
    "CheckResult",
    "Cluster",
    "ClusterPlan",
    "ClusterSpec",
    "ConfigError",
    "Fate",
    "HarnessError",
    "InterruptedAnswerError",
    "Lab",
    "Level",
    "MachineError",
    "NetworkPlan",
    "NetworkSpec",
    "NodePlan",
    "NodeSpec",
    "Observation",
    "PhaseTime",
    "Program",
    "Proof",
    "Requirement",
    "Role",
    "ToolError",
    "Topology",
    "Verdict",
    "judge",
    "plan_networks",
    "worst",
]
