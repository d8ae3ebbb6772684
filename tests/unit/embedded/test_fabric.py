"""What is built follows from the plan alone."""

import pytest

from harness.model import NetworkPlan, Topology, plan_networks
from harness.providers.embedded import fabric
from harness.providers.embedded.routes import pod_routes
from harness.providers.embedded.spec import ROUTER, Namespace
from harness.providers.fabric import cuts
from harness.providers.fabric.cuts import Change


def namespace(plan: NetworkPlan, name: str) -> Namespace:
    return next(each for each in fabric.namespaces(plan) if each.name == name)


def test_every_node_has_a_wire_to_the_bridge_of_its_network(plan: NetworkPlan) -> None:
    router = namespace(plan, ROUTER)
    assert fabric.links(plan)[-1].startswith("link add eth0 netns west-node1 ")
    assert "link set port3 master net1 up" in router.ip
    assert "link set port4 master net2 up" in router.ip


def test_bridges_keep_their_hardware_address_whatever_comes_and_goes(plan: NetworkPlan) -> None:
    made = [line for each in fabric.namespaces(plan) for line in each.ip if "type bridge" in line]
    assert len(made) == len(plan.networks) + sum(len(c.nodes) for c in plan.clusters)
    assert all(" address 0a:58:" in line for line in made)
    assert len({line.split(" address ")[1] for line in made}) == len(made)


def test_the_router_lets_through_only_what_the_plan_names(plan: NetworkPlan) -> None:
    tables = namespace(plan, ROUTER).tables.splitlines()
    across = [line for line in tables if "-i net2 -o net1" in line and "--dports" in line]
    from_red = [crossing for crossing in plan.crossings if crossing.source == "red"]
    assert ":FORWARD DROP" in tables
    assert len(across) == len(from_red)
    assert all("-d 10.77.1." in line for line in across)


def test_the_router_keeps_no_state_that_outlives_a_rule(plan: NetworkPlan) -> None:
    assert "ESTABLISHED" not in namespace(plan, ROUTER).tables


def test_a_service_that_is_not_known_yet_is_refused_on_its_node(plan: NetworkPlan) -> None:
    tables = namespace(plan, "east-node1").tables
    table, _, nat = tables.partition("*nat")
    services = next(c.services for c in plan.clusters if c.name == "east")
    assert table.splitlines() == ["*filter", f"-A FORWARD -d {services} -j REJECT", "COMMIT"]
    assert nat.endswith("COMMIT\n")


def test_pods_keep_their_address_within_a_network_only(plan: NetworkPlan) -> None:
    rules = namespace(plan, "east-node1").tables.splitlines()
    kept = [rule for rule in rules if rule.endswith("RETURN")]
    assert kept == [
        "-A POSTROUTING -s 10.11.0.0/16 -d 10.11.0.0/16 -j RETURN",
        "-A POSTROUTING -s 10.11.0.0/16 -d 10.12.0.0/16 -j RETURN",
    ]
    assert rules.index("-A POSTROUTING -s 10.11.0.0/16 -o eth0 -j MASQUERADE") > rules.index(
        kept[-1]
    )


def test_nodes_of_one_network_know_the_way_to_each_others_pods(plan: NetworkPlan) -> None:
    routes = [line for line in namespace(plan, "east-node1").ip if line.startswith("route add 10")]
    assert routes == [
        "route add 10.11.1.0/24 via 10.77.1.12",
        "route add 10.12.0.0/24 via 10.77.1.21",
    ]


def routed(topology: Topology) -> NetworkPlan:
    """Plan the same with both networks in one routing domain."""
    networks = [each.model_copy(update={"segment": "fabric"}) for each in topology.networks]
    return plan_networks(topology.model_copy(update={"networks": tuple(networks)}))


def test_networks_of_one_segment_are_routed_by_the_router_and_not_masqueraded(
    topology: Topology,
) -> None:
    plan = routed(topology)
    router, node = namespace(plan, ROUTER), namespace(plan, "east-node1")
    west = plan.cluster("west")
    assert f"route add {west.nodes[0].pods} via {west.nodes[0].address}" in router.ip
    assert "-A FORWARD -i net1 -o net2 -j ACCEPT" in router.tables
    assert "-A FORWARD -i net2 -o net1 -j ACCEPT" in router.tables
    east = plan.cluster("east")
    assert f"-A POSTROUTING -s {east.pods} -d {west.pods} -j RETURN" in node.tables
    assert not [line for line in node.ip if west.nodes[0].pods in line]


def test_networks_apart_are_not_routed(plan: NetworkPlan) -> None:
    router = namespace(plan, ROUTER)
    assert not [line for line in router.ip if line.startswith("route add")]
    assert "-A FORWARD -i net1 -o net2 -j ACCEPT" not in router.tables


def every_change(plan: NetworkPlan) -> list[Change]:
    return [
        *cuts.api_cut(plan, client="east", server="west"),
        *cuts.gateway_cut(plan, client="east", server="west"),
        *cuts.partition(plan, one="east", other="near"),
        *pod_routes(plan, one="east", other="west"),
    ]


def test_each_change_is_undone_by_its_own_opposite(plan: NetworkPlan) -> None:
    opposites = {"-I": "-D", "replace": "delete"}
    for change in every_change(plan):
        assert change.undo == tuple(opposites.get(word, word) for word in change.do)


def test_a_cut_comes_before_connection_tracking(plan: NetworkPlan) -> None:
    for change in cuts.partition(plan, one="east", other="west"):
        assert change.do[2:6] == ("-t", "raw", "-I", "PREROUTING")


def test_an_api_cut_makes_both_ends_deaf_and_nobody_else(plan: NetworkPlan) -> None:
    changes = cuts.api_cut(plan, client="east", server="west")
    assert {change.namespace for change in changes} == {"west-node1", "east-node1", "east-node2"}
    assert all("6443" in change.do for change in changes)


def test_a_gateway_cut_spares_nodes_and_pods(plan: NetworkPlan) -> None:
    west = plan.cluster("west")
    for change in cuts.gateway_cut(plan, client="near", server="west"):
        assert west.api_address not in ",".join(change.do).split(",")
        assert west.load_balancers[0] in ",".join(change.do)


@pytest.mark.parametrize(("one", "other", "expected"), [("east", "near", 0), ("east", "west", 8)])
def test_pods_are_routed_only_where_networks_keep_them_apart(
    plan: NetworkPlan, one: str, other: str, expected: int
) -> None:
    assert len(pod_routes(plan, one=one, other=other)) == expected
