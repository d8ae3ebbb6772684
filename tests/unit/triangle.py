"""For tests of providers: a plan with two clusters on one network and one on another."""

import pytest

from harness.model import NetworkPlan, Topology, plan_networks


@pytest.fixture
def topology() -> Topology:
    clusters = [
        {"name": "east", "network": "blue", "nodes": [{}, {}]},
        {"name": "near", "network": "blue"},
        {"name": "west", "network": "red"},
    ]
    networks = [{"name": "blue"}, {"name": "red"}]
    return Topology.model_validate(
        {"name": "triangle", "title": "t", "networks": networks, "clusters": clusters}
    )


@pytest.fixture
def plan(topology: Topology) -> NetworkPlan:
    return plan_networks(topology)
