"""A machine of a kind lab: its address, and what is put on it."""

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from harness.model import MachineError, NetworkPlan
from harness.model.plan import MachinePlan
from harness.providers.kind.contents import Contents
from harness.providers.kind.machines import Machines
from harness.providers.kind.networks import transit_addresses, transit_range
from harness.providers.kind.spec import KindSpec

from .paper_engine import begun


@dataclass
class Archives:
    """The part of an engine that takes archives for containers."""

    taken: list[tuple[str, str, bytes]] = field(default_factory=list)

    def put_archive(self, container: str, path: str, data: IO[bytes]) -> bool:
        self.taken.append((container, path, data.read()))
        return True


@pytest.fixture
def archives() -> Archives:
    return Archives()


@pytest.fixture
def planned(plan: NetworkPlan) -> NetworkPlan:
    machine = MachinePlan(name="vm1", network="blue", address="10.77.1.41")
    return plan.model_copy(update={"machines": (machine,)})


@pytest.fixture
def machines(place: object, planned: NetworkPlan, archives: Archives, tmp_path: Path) -> Machines:
    program = tmp_path / "pilot-agent"
    program.write_text("#!/bin/sh\n")
    had = {"x/proxy:1": Contents(files={"/usr/local/bin/pilot-agent": program})}
    spec = KindSpec.read(begun(planned)).model_copy(update={"contents": had})
    client: Any = SimpleNamespace(api=archives)
    return Machines(client, spec, {})


def test_a_planned_machine_has_its_planned_address(machines: Machines) -> None:
    assert machines.address("blue", "vm1") == "10.77.1.41"
    assert machines.address("red", "vm1").startswith("10.77.2.")


def test_no_other_machine_gets_a_planned_address(machines: Machines) -> None:
    assert "10.77.1.41" not in {machines.address("blue", f"guest{n}") for n in range(100)}


def test_a_network_that_is_not_there_is_told(machines: Machines) -> None:
    with pytest.raises(MachineError, match="no network green"):
        machines.address("green", "vm1")


def test_programs_of_an_image_are_put_where_a_pod_has_them(
    machines: Machines, archives: Archives
) -> None:
    machines.fill("container", ["x/proxy:1"])
    ((container, path, data),) = archives.taken
    assert (container, path) == ("container", "/")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert "usr/local/bin/pilot-agent" in tar.getnames()


def test_an_image_that_machines_cannot_have_is_told(machines: Machines) -> None:
    with pytest.raises(MachineError, match="x/other:1"):
        machines.fill("container", ["x/proxy:1", "x/other:1"])


def test_a_network_of_machines_alone_needs_a_way_to_it(planned: NetworkPlan) -> None:
    one = planned.model_copy(update={"clusters": planned.clusters[:1]})
    transit = transit_range(one, ())
    assert transit_addresses(one, transit) == {}
    beyond = MachinePlan(name="vm2", network="red", address="10.77.2.41")
    apart = one.model_copy(update={"machines": (beyond,)})
    assert set(transit_addresses(apart, transit)) == {node.name for node in one.clusters[0].nodes}
