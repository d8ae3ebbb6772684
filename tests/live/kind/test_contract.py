"""What every provider owes, asked of kind, with machines."""

from harness.model import Lab
from harness.providers.base import CAPABILITIES, HasEvidence, PlansNetworks, Reaps
from harness.providers.contract import ProviderContract
from harness.providers.kind.provider import KindProvider
from tests.live.machines import MachinesContract, machine

__all__ = ["TestKind", "TestMachines", "machine"]


class TestKind(ProviderContract):
    pass


class TestMachines(MachinesContract):
    pass


def test_kind_offers_every_capability(provider: KindProvider) -> None:
    kinds = {*CAPABILITIES.values(), HasEvidence, PlansNetworks, Reaps}
    assert [kind.__name__ for kind in kinds if not isinstance(provider, kind)] == []


def test_evidence_tells_of_every_node_and_no_secret(lab: Lab, provider: KindProvider) -> None:
    found = provider.evidence(lab)
    for node in ("east-node1", "east-node2", "near-node1", "west-node1"):
        assert {f"{node}-kubelet.log", f"{node}-console.log", f"{node}-fabric.txt"} <= set(found)
        assert "MESHPROOF-CROSS" in found[f"{node}-fabric.txt"]
    assert {"guardian.log", "kind-east.log"} <= set(found)
    assert not any("PRIVATE KEY" in text for text in found.values())
