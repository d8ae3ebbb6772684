"""What may be on the wire between networks follows from the plan alone."""

from ipaddress import IPv4Network

import pytest

from harness.model import ClusterSpec, NetworkSpec, Topology, plan_networks
from harness.probes.wire import trespasses
from harness.providers.base import Flow

TOPOLOGY = Topology(
    name="two",
    title="Two networks",
    networks=(NetworkSpec(name="net1"), NetworkSpec(name="net2")),
    clusters=(ClusterSpec(name="c1", network="net1"), ClusterSpec(name="c2", network="net2")),
)
PLAN = plan_networks(TOPOLOGY)
GATEWAY = PLAN.cluster("c2").load_balancers[0]
NODE = PLAN.cluster("c1").api_address
POD = "10.11.0.7"


THREE = plan_networks(
    Topology(
        name="three",
        title="Two clusters on one network, one on another",
        networks=(NetworkSpec(name="net1"), NetworkSpec(name="net2")),
        clusters=(
            ClusterSpec(name="c1", network="net1"),
            ClusterSpec(name="c2", network="net2"),
            ClusterSpec(name="c3", network="net1"),
        ),
    )
)


def tcp(source: str, source_port: int, target: str, target_port: int) -> Flow:
    return Flow(source, target, "tcp", source_port, target_port, 3)


@pytest.mark.parametrize(
    "flow",
    [
        tcp(NODE, 40000, GATEWAY, 15443),
        tcp(GATEWAY, 15443, NODE, 40000),
        tcp(NODE, 40001, PLAN.cluster("c2").api_address, 6443),
    ],
    ids=["to-a-gateway", "its-answer", "to-an-api-server"],
)
def test_crossings_of_the_plan_are_allowed(flow: Flow) -> None:
    assert trespasses(PLAN, [flow]) == []


@pytest.mark.parametrize(
    "flow",
    [
        tcp(POD, 40000, GATEWAY, 15443),
        tcp(NODE, 40000, "10.12.0.9", 8080),
        tcp(NODE, 40000, GATEWAY, 8080),
        Flow(NODE, GATEWAY, "udp", 40000, 15443, 1),
        Flow(NODE, GATEWAY, "icmp", 0, 0, 1),
    ],
    ids=["from-a-pod", "to-a-pod", "to-another-port", "udp", "icmp"],
)
def test_everything_else_is_a_trespass(flow: Flow) -> None:
    assert trespasses(PLAN, [flow]) == [flow]


def pod_of(name: str) -> str:
    """Return the address of a pod of cluster ``name``."""
    return str(IPv4Network(THREE.cluster(name).pods)[7])


def test_pods_of_one_network_may_call_each_other() -> None:
    assert trespasses(THREE, [tcp(pod_of("c1"), 40000, pod_of("c3"), 8080)]) == []


@pytest.mark.parametrize("source", ["c1", "c3"])
def test_pods_of_two_networks_may_not(source: str) -> None:
    flow = tcp(pod_of(source), 40000, pod_of("c2"), 8080)
    assert trespasses(THREE, [flow]) == [flow]
