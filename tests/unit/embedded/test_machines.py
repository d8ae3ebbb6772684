"""Which address a machine gets, how it is wired, and what is told where that is impossible."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest

from harness.model import MachineError, NetworkPlan
from harness.model.plan import MachinePlan
from harness.providers.embedded import fabric, machines
from harness.shell import Outcome

if TYPE_CHECKING:
    from harness.providers.embedded.control import ControlClient


@dataclass
class Visit:
    """A visit to a supervisor that notes what is run; links of ``taken`` are there already."""

    taken: tuple[str, ...] = ()
    ran: list[tuple[str, str]] = field(default_factory=list)
    undone: list[tuple[str, ...]] = field(default_factory=list)

    def run(
        self,
        namespace: str,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        timeout: float = 10.0,
        undo: Sequence[str] = (),
    ) -> Outcome:
        line = " ".join(argv) + (f"\n{stdin}" if stdin else "")
        self.ran.append((namespace, line))
        self.undone += [tuple(undo)] if undo else []
        there = any(f"peer name {link} " in line for link in self.taken)
        return Outcome(tuple(argv), 2 if there else 0, "", "")


def wired(visit: Visit, plan: NetworkPlan, network: str, name: str) -> str:
    return machines._wired(cast("ControlClient", visit), plan, network, name)


@pytest.fixture
def planned(plan: NetworkPlan) -> NetworkPlan:
    machine = MachinePlan(name="vm1", network="blue", address="10.77.1.41")
    return plan.model_copy(update={"machines": (machine,)})


def test_a_planned_machine_has_its_planned_address(planned: NetworkPlan) -> None:
    visit = Visit()
    assert wired(visit, planned, "blue", "vm1") == "10.77.1.41"
    assert ("router", "ip link set m0a4d0129 master net1 up") in visit.ran
    assert visit.undone == [("ip", "link", "delete", "m0a4d0129")]


def test_another_machine_has_an_address_that_nobody_has(planned: NetworkPlan) -> None:
    found = wired(Visit(), planned, "blue", "guest")
    used = {node.address for cluster in planned.clusters for node in cluster.nodes}
    used |= {address for cluster in planned.clusters for address in cluster.load_balancers}
    assert found not in used | {"10.77.1.41", planned.network("blue").router}


def test_an_address_whose_link_is_there_is_left_alone(planned: NetworkPlan) -> None:
    first = wired(Visit(), planned, "blue", "guest")
    second = wired(Visit(taken=("m0a4d0102",)), planned, "blue", "other")
    assert (first, second) == ("10.77.1.2", "10.77.1.3")


def test_a_planned_address_that_is_taken_is_told(planned: NetworkPlan) -> None:
    with pytest.raises(MachineError, match="no address left for machine vm1"):
        wired(Visit(taken=("m0a4d0129",)), planned, "blue", "vm1")


def test_a_machine_reaches_pods_of_its_network_by_their_nodes(plan: NetworkPlan) -> None:
    lines = list(fabric.machine_links(plan, "blue", "10.77.1.41"))
    pods = {node.pods for c in plan.clusters if c.network == "blue" for node in c.nodes}
    assert {line.split()[2] for line in lines if " via " in line} == {*pods, "default"}
