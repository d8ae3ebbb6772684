"""The topologies that ship with the harness are those that the catalogue speaks of."""

from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path

import pytest

from harness.files import load_catalogue, load_topology, topology_files
from harness.meshes.istio.plan import plan_install
from harness.model import Topology, plan_networks, structure
from harness.session.check import Check
from harness.session.verdicts import resting

ROOT = Path(__file__).parents[2]
CATALOGUE = load_catalogue(ROOT / "suites/requirements.yaml")
SHIPPED = {path.stem: load_topology(path) for path in topology_files(ROOT / "topologies")}


def test_all_are_those_that_guides_describe() -> None:
    assert set(SHIPPED) == set(CATALOGUE.topologies)


@pytest.mark.parametrize("topology", SHIPPED.values(), ids=lambda topology: topology.name)
def test_a_topology_is_what_the_catalogue_says_of_it(topology: Topology) -> None:
    entry = CATALOGUE.topologies[topology.name]
    assert len(topology.clusters) == entry.clusters
    assert len(topology.networks) == entry.networks
    assert len(structure.control_planes(topology)) == entry.control_planes
    assert len(structure.meshes(topology)) == entry.meshes


def test_on_one_network_primaries_read_each_other_and_need_no_gateway() -> None:
    installs = plan_install(SHIPPED["multi-primary"]).clusters
    assert [install.plane.reads for install in installs] == [("cluster2",), ("cluster1",)]
    assert [install.network for install in installs] == ["network1", "network1"]
    assert not any(install.gateways for install in installs)


def test_on_one_network_ranges_are_disjoint_and_nothing_is_let_through_by_exception() -> None:
    plan = plan_networks(SHIPPED["multi-primary"])
    ranges = [IPv4Network(cidr) for c in plan.clusters for cidr in (c.pods, c.services)]
    assert not any(one.overlaps(other) for one, other in combinations(ranges, 2))
    assert plan.crossings == ()


def test_clusters_lie_in_different_regions_wherever_there_are_several() -> None:
    for topology in SHIPPED.values():
        regions = {cluster.region for cluster in topology.members}
        near = topology.name == "hybrid-three-clusters"  # its first two share a region
        assert len(regions - {None}) == len(topology.members) - near, topology.name


def test_what_needs_one_network_rests_on_disjoint_ranges() -> None:
    path = Check(requirements=("NM-02",), topology="multi-primary")
    shares = Check(requirements=("LB-02",), topology="multi-primary")
    assert resting(path, ["NM-07"], CATALOGUE) == "precondition NM-07 failed"
    assert resting(shares, ["NM-07"], CATALOGUE) == ""
    assert resting(path, ["NM-03"], CATALOGUE) == ""
