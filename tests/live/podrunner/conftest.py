"""One cluster with one node and a mesh, for what a node does to pods."""

from collections.abc import Iterator

import pytest

from harness.meshes.istio import IstioMesh
from harness.model import Lab, Topology, plan_networks
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.embedded.provider import EmbeddedProvider
from harness.workloads.site import Site


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    provider = EmbeddedProvider()
    if missing := provider.lacks():
        pytest.skip("; ".join(missing))
    topology = Topology.model_validate(
        {
            "name": "alone",
            "title": "for tests",
            "networks": [{"name": "network1"}],
            "clusters": [{"name": "cluster1", "network": "network1"}],
        }
    )
    raised = provider.up(
        topology,
        plan_networks(topology),
        Phases(),
        RaiseOptions(images=IstioMesh().images(topology)),
    )
    yield raised
    provider.down(raised)


@pytest.fixture(scope="module")
def site(lab: Lab) -> Site:
    return Site.of(lab, "cluster1")


@pytest.fixture(scope="module")
def meshed(lab: Lab, site: Site) -> Site:
    """The same cluster with a mesh in it."""
    mesh = IstioMesh("")
    mesh.install(lab, mesh.prepare(lab.topology, lab.plan), Phases())
    return site
