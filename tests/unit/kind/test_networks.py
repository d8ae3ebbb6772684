"""Where labs lie on an engine, and what their parts are called there."""

from ipaddress import IPv4Network
from typing import Any

import pytest

from harness.model import MachineError, NetworkPlan, Topology, plan_networks
from harness.providers.kind import networks
from harness.providers.kind.naming import Names
from harness.providers.kind.networks import free_address, routes, subnets

NAMES = Names("0123abcd")


def ranges(*texts: str) -> list[IPv4Network]:
    return [IPv4Network(text) for text in texts]


def test_a_block_is_free_if_nothing_lies_under_it() -> None:
    assert networks.is_free(77, [])
    assert networks.is_free(78, ranges("10.77.3.0/24", "172.17.0.0/16"))
    assert not networks.is_free(77, ranges("10.77.3.0/24"))
    assert not networks.is_free(79, ranges("10.76.0.0/14"))


def test_a_plan_lies_in_its_block(topology: Topology) -> None:
    plan = plan_networks(topology, block=80)
    assert [network.cidr for network in plan.networks] == ["10.80.1.0/24", "10.80.2.0/24"]
    assert networks.transit_range(plan, []) == IPv4Network("10.80.0.0/24")


def test_the_transit_range_avoids_what_is_there(plan: NetworkPlan) -> None:
    assert networks.transit_range(plan, ranges("10.77.0.0/24")) == IPv4Network("10.78.0.0/24")


def test_a_single_network_needs_no_transit(topology: Topology) -> None:
    alone = topology.model_copy(update={"clusters": topology.clusters[:2]})
    assert networks.transit_addresses(plan_networks(alone), IPv4Network("10.77.0.0/24")) == {}


def test_every_node_has_an_address_of_its_own_between_networks(plan: NetworkPlan) -> None:
    found = networks.transit_addresses(plan, IPv4Network("10.77.0.0/24"))
    assert found == {
        "east-node1": "10.77.0.11",
        "east-node2": "10.77.0.12",
        "near-node1": "10.77.0.13",
        "west-node1": "10.77.0.14",
    }


def test_networks_have_the_plans_ranges_and_nobody_is_masqueraded(plan: NetworkPlan) -> None:
    blue, red, transit = networks.specs(NAMES, plan, IPv4Network("10.77.0.0/24"))
    assert (blue.subnet, blue.gateway) == ("10.77.1.0/24", "10.77.1.1")
    assert (red.name, red.bridge) == ("meshproof-0123abcd-net-red", "mp-0123abcd-2")
    assert transit.gateway == ""
    assert transit.options["com.docker.network.bridge.inhibit_ipv4"] == "true"
    for each in (blue, red, transit):
        assert each.options["com.docker.network.bridge.enable_ip_masquerade"] == "false"
        assert len(each.bridge) <= 15


def test_the_transit_network_sorts_after_every_other(plan: NetworkPlan) -> None:
    names = [each.name for each in networks.specs(NAMES, plan, IPv4Network("10.77.0.0/24"))]
    assert sorted(names)[-1] == NAMES.transit


def test_ranges_are_read_from_what_an_engine_says() -> None:
    said: list[dict[str, Any]] = [
        {"IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}, {"Subnet": "fd00::/64"}]}},
        {"IPAM": {"Config": None}},
        {"IPAM": None},
    ]
    assert list(subnets(said)) == ranges("172.17.0.0/16")


def test_routes_of_the_machine_are_read_without_the_default() -> None:
    table = (
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        "eth0 00000000 0100000A 0003 0 0 0 00000000 0 0 0\n"
        "eth0 00004D0A 00000000 0001 0 0 0 0000FFFF 0 0 0\n"
    )
    assert list(routes(table)) == ranges("10.77.0.0/16")


def test_a_route_wider_than_a_block_takes_none() -> None:
    table = (
        "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
        "tun0 0000000A 00000000 0001 0 0 0 000000FF 0 0 0\n"
        "br0 0003A8C0 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    )
    assert list(routes(table)) == ranges("192.168.3.0/24")


def test_a_machine_gets_an_address_that_nobody_has() -> None:
    network = IPv4Network("10.77.1.0/24")
    assert free_address(network, []) == "10.77.1.128"
    assert free_address(network, ["10.77.1.128"]) == "10.77.1.129"
    with pytest.raises(MachineError, match="no address is left"):
        free_address(IPv4Network("10.77.1.0/30"), ["10.77.1.2"])


def test_containers_are_called_as_kind_calls_them(plan: NetworkPlan) -> None:
    assert NAMES.containers(plan) == {
        "east-node1": "meshproof-0123abcd-east-control-plane",
        "east-node2": "meshproof-0123abcd-east-worker",
        "near-node1": "meshproof-0123abcd-near-control-plane",
        "west-node1": "meshproof-0123abcd-west-control-plane",
    }


def test_names_fit_a_host_name_and_stay_apart(plan: NetworkPlan) -> None:
    clusters = tuple(
        cluster.model_copy(update={"name": "c" * 39 + str(number)})
        for number, cluster in enumerate(plan.clusters)
    )
    long = plan.model_copy(update={"clusters": clusters})
    names = list(NAMES.containers(long).values())
    assert max(map(len, names)) <= 63
    assert len(set(names)) == 4
