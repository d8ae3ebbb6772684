"""A made-up run: two clusters, four requirements, one of each kind of trouble on demand."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.model import (
    Catalogue,
    CheckResult,
    ClusterSpec,
    Fate,
    Level,
    NetworkSpec,
    Observation,
    PhaseTime,
    Program,
    Proof,
    Requirement,
    Topology,
    Verdict,
)
from harness.model.requirement import Machines, SabotageSpec, TopologyEntry
from harness.reporting.record import (
    ClusterRecord,
    Environment,
    LabRecord,
    Product,
    RunRecord,
)

NAME = "two-by-two"
STARTED = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)

Make = Callable[..., Any]


def requirement(
    identifier: str, area: str, level: Level, machines: Machines | None = None
) -> Requirement:
    return Requirement(
        id=identifier,
        area=area,
        level=level,
        title=f"Title of {identifier}",
        must=f"{identifier} MUST <hold>.",
        check="Look at it.",
        machines=machines,
        sources=({"doc": "ops/deployment/deployment-models"}, {"seed": "000"}),
        sabotage=(SabotageSpec(name="cut", change="Cut it."),),
    )


@pytest.fixture
def topology() -> Topology:
    return Topology(
        name=NAME,
        title="Two clusters, two networks",
        networks=(NetworkSpec(name="network1"), NetworkSpec(name="network2")),
        clusters=(
            ClusterSpec(name="c1", network="network1", region="r1"),
            ClusterSpec(name="c2", network="network2", role="remote", primary="c1"),
        ),
    )


@pytest.fixture
def catalogue() -> Catalogue:
    entry = TopologyEntry(
        title="Two", code="TT", clusters=2, networks=2, control_planes=1, meshes=1, status="core"
    )
    return Catalogue(
        version=1,
        topologies={NAME: entry},
        requirements=(
            requirement("CM-01", "cluster", Level.CORE),
            requirement("CM-02", "cluster", Level.CORE),
            requirement("NM-01", "network", Level.EXTENDED),
            requirement("VM-01", "vm", Level.CORE, Machines.ANY),
        ),
    )


@pytest.fixture
def result() -> Make:
    def make(
        identifier: str, verdict: Verdict = Verdict.PASSED, check: str = "", **more: Any
    ) -> CheckResult:
        return CheckResult(
            requirement=identifier,
            check=check or f"suites/x/test_x.py::test_{identifier}[c1->c2]",
            topology=NAME,
            verdict=verdict,
            seconds=1.25,
            **more,
        )

    return make


@pytest.fixture
def record(topology: Topology, catalogue: Catalogue, result: Make) -> Make:
    """Return a maker of records; everything passed unless it is told otherwise."""

    def make(*results: CheckResult, **more: Any) -> RunRecord:
        seen = (
            Observation(source="c1", target="c2", hop="gateway", count=40),
            Observation(source="c1", target="c1", hop="local", count=60),
        )
        proof = Proof(sabotage="cut", fate=Fate.KILLED, reason="0 of 100 answered", seconds=2.0)
        passed = (
            result("CM-01", observations=seen, proofs=(proof,), notes=("n=100",)),
            result("CM-02"),
            result("NM-01"),
        )
        lab = LabRecord(
            id="lab-1",
            provider="paper",
            topology=NAME,
            clusters=(ClusterRecord(name="c1", network="network1", kubernetes="v1.34.4"),),
            programs=(Program(name="etcd", version="3.6", source="module", sha256="ab" * 32),),
        )
        facts: dict[str, Any] = {
            "run_id": "run-1",
            "tool_version": "0.1.0",
            "started": STARTED,
            "finished": STARTED + timedelta(seconds=12.5),
            "environment": Environment(
                system="Linux",
                architecture="x86_64",
                python="3.12",
                cpus=2,
                memory_mb=8000,
                root=False,
            ),
            "catalogue": catalogue,
            "topologies": (topology,),
            "product": Product(name="istio", version="1.31.0"),
            "labs": (lab,),
            "results": results or passed,
            "phases": (PhaseTime(name="c1: etcd", start=0.5, seconds=0.75),),
        }
        return RunRecord(**{**facts, **more})

    return make
