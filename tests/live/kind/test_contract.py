"""What every provider owes, asked of kind, and the machine that only it can add."""

from collections.abc import Iterator

import pytest

from harness.model import Lab
from harness.providers.base import CAPABILITIES, HasEvidence, Machine, PlansNetworks, Reaps
from harness.providers.contract import ProviderContract
from harness.providers.kind.provider import KindProvider

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=2)"


class TestKind(ProviderContract):
    pass


@pytest.fixture(scope="module")
def machine(lab: Lab, provider: KindProvider) -> Iterator[Machine]:
    with provider.machine(lab, network="blue", name="laptop") as found:
        yield found


def reaches(machine: Machine, address: str, port: int) -> bool:
    argv = ["python3", "-c", CONNECT, address, str(port)]
    return machine.run(argv, timeout=10).exit_code == 0


def test_kind_offers_every_capability(provider: KindProvider) -> None:
    kinds = {*CAPABILITIES.values(), HasEvidence, PlansNetworks, Reaps}
    assert [kind.__name__ for kind in kinds if not isinstance(provider, kind)] == []


def test_a_machine_is_on_its_network(lab: Lab, machine: Machine) -> None:
    assert machine.address.startswith(lab.plan.network("blue").cidr.rpartition(".")[0])
    assert machine.run(["hostname"]).checked().strip() == "laptop"
    assert machine.run(["false"]).exit_code == 1
    assert machine.run(["cat"], stdin="said").stdout == "said"


def test_a_machine_reaches_what_its_network_may_reach(lab: Lab, machine: Machine) -> None:
    for cluster in ("east", "near", "west"):
        assert reaches(machine, lab.plan_of(cluster).api_address, 6443)
    assert reaches(machine, lab.plan_of("near").api_address, 10250)
    assert not reaches(machine, lab.plan_of("west").api_address, 10250)


def test_a_machine_is_gone_with_its_context(lab: Lab, provider: KindProvider) -> None:
    for _ in range(2):  # so its name is free again
        with provider.machine(lab, network="red", name="guest") as guest:
            assert reaches(guest, lab.plan_of("east").api_address, 6443)


def test_evidence_tells_of_every_node_and_no_secret(lab: Lab, provider: KindProvider) -> None:
    found = provider.evidence(lab)
    for node in ("east-node1", "east-node2", "near-node1", "west-node1"):
        assert {f"{node}-kubelet.log", f"{node}-console.log", f"{node}-fabric.txt"} <= set(found)
        assert "MESHPROOF-CROSS" in found[f"{node}-fabric.txt"]
    assert {"guardian.log", "kind-east.log"} <= set(found)
    assert not any("PRIVATE KEY" in text for text in found.values())
