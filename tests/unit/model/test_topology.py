from ipaddress import IPv4Network

import pytest
from pydantic import ValidationError

from harness.model import (
    ClusterSpec,
    NetworkSpec,
    NodeSpec,
    Role,
    Topology,
    conditions,
    plan_networks,
)
from harness.model.consistency import problems


def topology(*clusters: ClusterSpec, networks: tuple[NetworkSpec, ...] = ()) -> Topology:
    return Topology(
        name="t",
        title="t",
        networks=networks or (NetworkSpec(name="blue"), NetworkSpec(name="green")),
        clusters=clusters,
    )


EAST = ClusterSpec(name="east", network="blue")
WEST = ClusterSpec(name="west", network="green")


def messages(made: Topology) -> list[str]:
    return [problem.message for problem in problems(made)]


def test_a_sound_topology_has_no_problem() -> None:
    assert messages(topology(EAST, WEST)) == []


def test_every_contradiction_is_found() -> None:
    made = topology(
        EAST,
        ClusterSpec(name="east", network="red"),
        ClusterSpec(name="west", network="green", role=Role.REMOTE),
        ClusterSpec(name="north", network="green", role=Role.REMOTE, primary=("south",)),
        ClusterSpec(name="mid", network="green", primary=("east",)),
    )
    assert messages(made) == [
        "cluster name 'east' is used more than once",
        "cluster 'east' is on unknown network 'red'; declared: blue, green",
        "cluster 'west' is a remote that nobody serves; add 'primary: NAME'",
        "cluster 'north' names 'south' as its primary; primaries: east, mid",
        "cluster 'mid' is no remote and has no use for 'primary'",
    ]


def test_a_mesh_needs_a_primary() -> None:
    made = topology(ClusterSpec(name="west", network="green", role=Role.REMOTE, primary=("x",)))
    assert "no cluster is a primary: nothing would configure the mesh" in messages(made)


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ("10.300.0.0/16", "not an IPv4 range"),
        ("10.1.0.1/16", "has host bits set"),
        ("10.1.0.0/24", "must be between /8 and /21"),
        ("8.8.0.0/16", "is not private address space"),
    ],
)
def test_ranges_are_checked(pods: str, expected: str) -> None:
    made = topology(ClusterSpec(name="east", network="blue", pods=pods))
    assert expected in messages(made)[0]


def test_ranges_overlap_only_on_one_network() -> None:
    pods = "10.1.0.0/16"
    one = ClusterSpec(name="one", network="blue", pods=pods)
    assert messages(topology(one, ClusterSpec(name="two", network="green", pods=pods))) == []
    clash = messages(topology(one, ClusterSpec(name="two", network="blue", pods=pods)))
    assert clash == [
        "pods of 'two' (10.1.0.0/16) overlaps pods of 'one' (10.1.0.0/16) on network 'blue'"
    ]


def test_networks_may_not_overlap() -> None:
    networks = (
        NetworkSpec(name="blue", cidr="10.77.0.0/16"),
        NetworkSpec(name="green", cidr="10.77.3.0/24"),
    )
    assert "overlaps network 'blue'" in messages(topology(EAST, WEST, networks=networks))[0]


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", "1st", "", "x" * 41])
def test_names_are_dns_labels(name: str) -> None:
    with pytest.raises(ValidationError):
        NetworkSpec(name=name)


@pytest.mark.parametrize(
    ("clusters", "expected"),
    [
        ((EAST,), {"one-cluster", "sidecar"}),
        (
            (EAST, ClusterSpec(name="west", network="blue")),
            {"other-cluster", "several-control-planes", "shared-network", "sidecar"},
        ),
        (
            (EAST, WEST),
            {
                "isolated-networks",
                "other-cluster",
                "other-network",
                "several-control-planes",
                "sidecar",
            },
        ),
        (
            (EAST, ClusterSpec(name="w", network="blue", role=Role.REMOTE, primary=("east",))),
            {"other-cluster", "remote", "shared-network", "sidecar"},
        ),
        (
            (EAST, ClusterSpec(name="near", network="blue"), WEST),
            {
                "isolated-networks",
                "other-cluster",
                "other-network",
                "several-control-planes",
                "shared-network",
                "sidecar",
                "three-clusters",
            },
        ),
    ],
)
def test_conditions_follow_from_structure(
    clusters: tuple[ClusterSpec, ...], expected: set[str]
) -> None:
    assert {str(each) for each in conditions(topology(*clusters))} == expected


def test_a_plan_gives_everybody_an_address_of_its_own() -> None:
    zones = (NodeSpec(zone="a"), NodeSpec(zone="b"))
    plan = plan_networks(
        topology(EAST, ClusterSpec(name="mid", network="blue", nodes=zones, region="r"), WEST)
    )
    addresses = [node.address for cluster in plan.clusters for node in cluster.nodes]
    addresses += [each for cluster in plan.clusters for each in cluster.load_balancers]
    addresses += [network.router for network in plan.networks]
    assert len(set(addresses)) == len(addresses)
    mid = plan.cluster("mid")
    assert [(node.zone, node.region) for node in mid.nodes] == [("a", "r"), ("b", "r")]
    assert all(IPv4Network(node.pods).subnet_of(IPv4Network(mid.pods)) for node in mid.nodes)
    assert mid.api_address == mid.nodes[0].address
    assert plan.network("blue").cidr == "10.77.1.0/24"


def test_no_pod_may_be_reached_from_another_network() -> None:
    plan = plan_networks(topology(EAST, WEST))
    assert {(c.source, c.target, c.purpose) for c in plan.crossings} == {
        (source, target, purpose)
        for source, target in (("blue", "green"), ("green", "blue"))
        for purpose in ("api-server", "gateway")
    }
    pods = [IPv4Network(cluster.pods) for cluster in plan.clusters]
    assert not any(IPv4Network(c.address).subnet_of(net) for c in plan.crossings for net in pods)


def test_one_network_has_nothing_to_cross() -> None:
    assert plan_networks(topology(EAST)).crossings == ()
