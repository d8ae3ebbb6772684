"""What is tried again when a cluster does not come up, and what is said of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from harness import shell
from harness.model import ClusterPlan, MachineError, NetworkPlan
from harness.phases import Phases
from harness.providers.fabric.state import State
from harness.providers.kind.clusters import ClusterError, Maker
from harness.providers.kind.naming import Names
from harness.providers.kind.networks import transit_addresses
from harness.providers.kind.spec import KindSpec
from harness.providers.offline.images import Images
from harness.shell import Running

FLAKY = "ERROR: failed to init node with kubeadm: timed out"


@dataclass
class PaperKind:
    """A kind command that says its lines one after the other, and fails each time."""

    lines: list[str]
    asked: list[str] = field(default_factory=list)

    def create_cluster(self, name: str, *, config: Path, kubeconfig: Path, log: Path) -> Running:
        assert config.exists()
        self.asked.append(name)
        return shell.start(name, ["sh", "-c", f"echo '{self.lines.pop(0)}'; exit 1"], output=log)


class NoContainers:
    """An engine without any container."""

    def get(self, name: str) -> Any:
        raise NotFound(name)

    def exec_create(self, container: str, command: list[str], **_: Any) -> Any:
        raise NotFound(container)


Made = Callable[[PaperKind], Maker]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def made(tmp_path: Path, plan: NetworkPlan, said: list[str]) -> Made:
    place = State(tmp_path)
    place.logs.mkdir()
    spec = KindSpec(
        lab="ab12",
        engine_url="unix:///none",
        engine_pid=None,
        engine_version="20.10",
        engine_api="1.41",
        plan=plan,
        containers=Names("ab12").containers(plan),
        transit=transit_addresses(plan, IPv4Network("10.77.0.0/24")),
    )
    client: Any = type("Client", (), {"api": NoContainers(), "containers": NoContainers()})()

    def make(paper: PaperKind) -> Maker:
        kind: Any = paper
        return Maker(
            place=place,
            spec=spec,
            client=client,
            kind=lambda _: kind,
            images={each.name: Images("node:1", (), "", (), "") for each in plan.clusters},
            phases=Phases(say=said.append),
        )

    return make


@pytest.fixture
def west(plan: NetworkPlan) -> ClusterPlan:
    return plan.cluster("west")


def test_what_is_known_to_pass_is_tried_once_more_and_said(
    made: Made, west: ClusterPlan, said: list[str]
) -> None:
    kind = PaperKind([FLAKY, FLAKY])
    with pytest.raises(ClusterError, match="failed to init node"):
        made(kind).cluster(west)
    assert kind.asked == ["meshproof-ab12-west"] * 2
    (line,) = [line for line in said if "once more" in line]
    assert "west: kind exited 1" in line


def test_what_will_not_pass_is_not_tried_again(made: Made, west: ClusterPlan) -> None:
    kind = PaperKind(["ERROR: failed to pull image node:1"])
    with pytest.raises(ClusterError, match="failed to pull image node:1"):
        made(kind).cluster(west)
    assert len(kind.asked) == 1


def test_a_lab_that_is_given_up_gets_no_more_clusters(made: Made, west: ClusterPlan) -> None:
    kind = PaperKind([FLAKY])
    maker = made(kind)
    maker.given_up.set()
    with pytest.raises(MachineError, match="not wanted any more"):
        maker.cluster(west)
    assert kind.asked == []
