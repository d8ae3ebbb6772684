"""A lab of two primaries on two networks, without a mesh."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.files import load_topology
from harness.meshes.istio import IstioMesh
from harness.model import Lab, plan_networks
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.embedded.provider import EmbeddedProvider

_TOPOLOGY = Path(__file__).parents[3] / "topologies" / "multi-primary-multi-network.yaml"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    provider = EmbeddedProvider()
    if missing := provider.lacks():
        pytest.skip("; ".join(missing))
    topology = load_topology(_TOPOLOGY)
    raised = provider.up(
        topology,
        plan_networks(topology),
        Phases(),
        RaiseOptions(images=IstioMesh().images(topology)),
    )
    yield raised
    provider.down(raised)
