"""A lab without a mesh: three clusters, two of them on one network, one with two nodes.

Fixtures for a conftest that has a fixture ``provider`` (of module scope).
"""

from collections.abc import Iterator

import pytest

from harness.model import Lab, Topology
from harness.phases import Phases
from harness.probes.caller import Caller
from harness.providers.base import Provider, RaiseOptions, planned
from harness.workloads.echo import Echo, namespace, service
from harness.workloads.site import Site

SPACE = "wires"


def triangle() -> Topology:
    clusters = [
        {"name": "east", "network": "blue", "nodes": [{"zone": "a"}, {"zone": "b"}]},
        {"name": "near", "network": "blue"},
        {"name": "west", "network": "red"},
    ]
    networks = [{"name": "blue"}, {"name": "red"}]
    return Topology.model_validate(
        {"name": "triangle", "title": "for tests", "networks": networks, "clusters": clusters}
    )


@pytest.fixture(scope="module")
def lab(provider: Provider) -> Iterator[Lab]:
    topology = triangle()
    raised = provider.up(topology, planned(provider, topology), Phases(), RaiseOptions())
    yield raised
    provider.down(raised)


@pytest.fixture(scope="module")
def sites(lab: Lab) -> dict[str, Site]:
    """One agent pod in each cluster, a second one on east's second node."""
    found = {cluster.name: Site.of(lab, cluster.name) for cluster in lab.clusters}
    for site in found.values():
        site.apply(namespace(SPACE, injected=False), service("echo", SPACE))
        site.deploy(Echo(name="echo", namespace=SPACE, injected=False))
    for site in found.values():
        site.rolled_out("echo", SPACE)
    return found


@pytest.fixture
def callers(sites: dict[str, Site]) -> dict[str, Caller]:
    return {name: site.caller(SPACE, "echo") for name, site in sites.items()}
