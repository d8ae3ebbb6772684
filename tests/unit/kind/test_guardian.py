"""What a guardian makes for a visit goes with it, also if it comes to be only in part."""

from socket import socketpair
from typing import Any

import pytest
from docker import DockerClient

from harness.model import MachineError, NetworkPlan
from harness.providers.fabric.session import Session
from harness.providers.fabric.state import State
from harness.providers.kind import capture, guardian
from harness.providers.kind.guardian import Guardian
from harness.providers.kind.machines import Machines
from harness.providers.kind.naming import LAB_LABEL
from harness.providers.kind.spec import KindSpec

from .paper_engine import Paper, begun


@pytest.fixture
def lab(place: object, plan: NetworkPlan) -> State:
    return begun(plan)


@pytest.fixture
def held(lab: State, plan: NetworkPlan, client: DockerClient) -> Guardian:
    nodes = {node.name: f"mp-{node.name}" for cluster in plan.clusters for node in cluster.nodes}
    spec = KindSpec.read(lab).model_copy(update={"containers": nodes})
    made = Guardian(lab, spec, client)
    made.control.close()
    return made


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(guardian, "remove", lambda _, name: names.append(name))
    return names


def test_a_capture_that_begins_only_in_part_leaves_no_helper(
    held: Guardian, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any) -> None:
        raise ExceptionGroup("several", [MachineError("one"), MachineError("two")])

    monkeypatch.setattr(capture, "start", refused)
    ends = socketpair()
    with ends[0], ends[1]:
        session = Session(ends[0])
        with pytest.raises(ExceptionGroup):
            held._listen(session, {})
        assert session.undo() == []
    assert len(removed) == len(held._spec.containers)


def test_a_machine_that_does_not_start_leaves_no_container_and_no_address(
    held: Guardian, removed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: Any, **__: Any) -> str:
        raise MachineError("no such image")

    monkeypatch.setattr(Machines, "add", refused)
    ends = socketpair()
    with ends[0], ends[1]:
        session = Session(ends[0])
        with pytest.raises(MachineError, match="no such image"):
            held._machine(session, {"network": "blue", "name": "laptop", "images": []})
        assert held._machines._held
        assert session.undo() == []
    assert removed == [held._spec.names.helper("machine-laptop")]
    assert not held._machines._held


def test_a_machine_of_another_visit_is_not_taken_away(
    held: Guardian, removed: list[str], paper: Paper, lab: State
) -> None:
    paper.containers.add(held._spec.names.helper("machine-laptop"), {LAB_LABEL: lab.id})
    ends = socketpair()
    with ends[0], ends[1]:
        session = Session(ends[0])
        with pytest.raises(MachineError, match="has a machine called laptop already"):
            held._machine(session, {"network": "blue", "name": "laptop", "images": []})
        assert session.undo() == []
    assert removed == []


def test_no_address_is_given_twice(held: Guardian) -> None:
    first, second = (held._machines.address("blue", name) for name in ("one", "two"))
    assert first != second
    held._machines.forget(first)
    assert held._machines.address("blue", "three") == first
