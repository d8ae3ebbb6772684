"""The nouns of the harness. Pure data: no module here performs I/O or imports pytest."""

from harness.model import structure
from harness.model.conditions import Condition, conditions
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
    LeftOut,
    Observation,
    PhaseTime,
    Proof,
    Verdict,
    judge,
    worst,
)
from harness.model.structure import ControlPlane, Gateway, Import, PairKind, Relation
from harness.model.topology import (
    ClusterSpec,
    MachineSpec,
    NetworkSpec,
    NodeSpec,
    Role,
    Topology,
)

__all__ = [
    "ApiError",
    "Catalogue",
    "CheckResult",
    "Cluster",
    "ClusterPlan",
    "ClusterSpec",
    "Condition",
    "ConfigError",
    "ControlPlane",
    "Fate",
    "Gateway",
    "HarnessError",
    "Import",
    "InterruptedAnswerError",
    "Lab",
    "LeftOut",
    "Level",
    "MachineError",
    "MachineSpec",
    "NetworkPlan",
    "NetworkSpec",
    "NodePlan",
    "NodeSpec",
    "Observation",
    "PairKind",
    "PhaseTime",
    "Program",
    "Proof",
    "Relation",
    "Requirement",
    "Role",
    "ToolError",
    "Topology",
    "Verdict",
    "conditions",
    "judge",
    "plan_networks",
    "structure",
    "worst",
]
