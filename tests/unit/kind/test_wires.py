"""What is done inside nodes follows from the plan alone."""

from dataclasses import replace
from ipaddress import IPv4Network

import pytest

from harness.model import NetworkPlan
from harness.providers.kind.networks import transit_addresses
from harness.providers.kind.wires import CROSS, Wires


@pytest.fixture
def wires(plan: NetworkPlan) -> Wires:
    return Wires(plan, transit_addresses(plan, IPv4Network("10.77.0.0/24")))


def booted(wires: Wires, node: str) -> list[str]:
    for cluster in wires.plan.clusters:
        for each in cluster.nodes:
            if each.name == node:
                return wires.booted(cluster, each).splitlines()
    raise KeyError(node)


def joined(wires: Wires, cluster: str) -> list[str]:
    known = wires.plan.cluster(cluster)
    return wires.joined(known, known.nodes[0]).splitlines()


def test_a_node_waits_for_its_runtime_before_rules_are_made(wires: Wires) -> None:
    assert "containerd.sock" in booted(wires, "east-node1")[0]


def test_a_service_that_is_not_known_yet_is_refused(wires: Wires, plan: NetworkPlan) -> None:
    for cluster in plan.clusters:
        lines = booted(wires, cluster.nodes[0].name)
        assert f"-I FORWARD -d {cluster.services} -j REJECT" in lines


def test_pods_keep_their_address_within_a_network_only(wires: Wires) -> None:
    lines = booted(wires, "east-node2")
    nat = lines[lines.index("*nat") + 1 :]
    assert nat[: nat.index("COMMIT")] == [
        "-A POSTROUTING -s 10.11.0.0/16 -d 10.11.0.0/16 -j RETURN",
        "-A POSTROUTING -s 10.11.0.0/16 -d 10.12.0.0/16 -j RETURN",
        "-A POSTROUTING -s 10.11.0.0/16 -o eth+ -j SNAT --to-source 10.77.1.12",
    ]


def test_a_nodes_own_programs_keep_its_address_where_a_service_leads_elsewhere(
    wires: Wires,
) -> None:
    lines = booted(wires, "east-node2")
    mangle = lines[lines.index("*mangle") + 1 :]
    assert mangle[: mangle.index("COMMIT")] == [
        "-A POSTROUTING -o eth0 -j RETURN",
        "-A POSTROUTING -o eth+ -j MARK --set-xmark 0x0/0x4000",
    ]


def test_nodes_of_one_network_know_the_way_to_each_others_pods(wires: Wires) -> None:
    added = [line for line in booted(wires, "east-node1") if line.startswith("route add")]
    assert added == [
        "route add 10.11.1.0/24 via 10.77.1.12",
        "route add 10.12.0.0/24 via 10.77.1.21",
    ]


def test_gateway_addresses_lie_on_the_first_node_only(wires: Wires, plan: NetworkPlan) -> None:
    held = [line for line in booted(wires, "east-node1") if line.startswith("address add")]
    assert held == [f"address add {a}/32 dev eth0" for a in plan.cluster("east").load_balancers]
    assert not [line for line in booted(wires, "east-node2") if line.startswith("address")]


def let_in(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(f"-A {CROSS}") and "--dports" in line]


def test_a_node_lets_in_what_the_plan_names_and_nothing_else(
    wires: Wires, plan: NetworkPlan
) -> None:
    lines = booted(wires, "west-node1")
    mine = [crossing for crossing in plan.crossings if crossing.target == "red"]
    assert len(let_in(lines)) == len(mine)
    assert all("-s 10.77.1.0/24 -d 10.77.2." in line for line in let_in(lines))
    assert f"-A {CROSS} -j DROP" == [line for line in lines if CROSS in line][-1]


def test_a_second_node_lets_in_answers_only(wires: Wires) -> None:
    lines = booted(wires, "east-node2")
    assert let_in(lines) == []
    answers = [line for line in lines if "--sports" in line]
    assert answers
    assert all("! --syn" in line for line in answers)


def test_the_filter_is_for_every_leg_but_the_first(wires: Wires) -> None:
    """Whatever it is called: a leg that is put back gets another number."""
    lines = booted(wires, "east-node1")
    first = lines.index(f"-A PREROUTING -i eth+ -j {CROSS}")
    assert lines[first + 1] == f"-A {CROSS} -i eth0 -j RETURN"


def test_everything_on_other_networks_is_reached_by_its_planned_address(
    wires: Wires, plan: NetworkPlan
) -> None:
    lines = joined(wires, "west")
    assert "route replace default via 10.77.2.1 dev eth0" in lines
    assert "route replace 10.77.1.12/32 via 10.77.0.12 src 10.77.2.31" in lines
    gateway = plan.cluster("near").load_balancers[0]
    assert f"route replace {gateway}/32 via 10.77.0.13 src 10.77.2.31" in lines
    assert not [line for line in lines if "10.11." in line], "no way to pods"


@pytest.fixture
def routed(wires: Wires, plan: NetworkPlan) -> Wires:
    """The wires where both networks are of one segment."""
    networks = tuple(each.model_copy(update={"segment": "fabric"}) for each in plan.networks)
    one = plan.model_copy(update={"networks": networks, "crossings": ()})
    return replace(wires, plan=one)


def test_networks_of_one_segment_route_to_each_others_pods(routed: Wires) -> None:
    assert "route replace 10.11.0.0/24 via 10.77.0.11" in joined(routed, "west")
    assert "route replace 10.11.0.0/24 via 10.77.0.11" in routed.machine("red", "10.77.2.128")


def test_what_comes_from_the_own_segment_is_let_in_and_keeps_its_address(routed: Wires) -> None:
    lines = booted(routed, "west-node1")
    for source in ("10.77.1.0/24", "10.11.0.0/16"):
        assert f"-A {CROSS} -s {source} -j RETURN" in lines
    kept = [line for line in lines if line.startswith("-A POSTROUTING -s 10.13.0.0/16 -d 10.11.")]
    assert kept == ["-A POSTROUTING -s 10.13.0.0/16 -d 10.11.0.0/16 -j RETURN"]


def test_one_network_has_neither_filter_nor_transit(wires: Wires, plan: NetworkPlan) -> None:
    alone = replace(wires, transit={})
    assert not [line for line in booted(alone, "east-node1") if CROSS in line]


@pytest.mark.parametrize(("one", "other", "expected"), [("east", "near", 0), ("east", "west", 10)])
def test_pods_are_routed_only_where_networks_keep_them_apart(
    wires: Wires, one: str, other: str, expected: int
) -> None:
    changes = wires.pod_routes(one=one, other=other)
    assert len(changes) == expected
    opposites = {"-I": "-D", "replace": "delete"}
    for change in changes:
        assert change.undo == tuple(opposites.get(word, word) for word in change.do)


def test_a_machine_reaches_pods_of_its_network_and_gateways_of_others(wires: Wires) -> None:
    lines = wires.machine("blue", "10.77.1.128").splitlines()
    assert "route replace 10.12.0.0/24 via 10.77.1.21" in lines
    assert "route replace 10.77.2.31/32 via 10.77.0.14 src 10.77.1.128" in lines
    assert let_in(lines) == []


def test_nodes_elsewhere_learn_the_way_back_to_a_machine(wires: Wires) -> None:
    (change,) = wires.way_back("blue", "10.77.1.128", "10.77.0.128")
    assert change.namespace == "west-node1"
    assert change.do[-2:] == ("src", "10.77.2.31")
