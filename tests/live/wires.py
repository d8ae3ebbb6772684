"""The wires of a lab, whoever raised it: who reaches whom, and what is cut when it is cut.

A provider's tests subclass :class:`WiresContract` and have fixtures of :mod:`tests.live.triangle`.
"""

from ipaddress import IPv4Network
from typing import Protocol

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.model import Lab
from harness.probes.caller import Caller
from harness.probes.replies import Replies
from harness.providers.base import (
    CanCapture,
    CanCutApi,
    CanCutGateway,
    CanPartition,
    CanPauseNode,
    CanRoutePods,
    Provider,
)
from harness.workloads.site import Site
from tests.live.triangle import SPACE

SOON = Budget(timeout=10, interval=0.1)


def to_pod(caller: Caller, target: Caller) -> Replies:
    return caller.call(f"http://{target.ip}:8080/", timeout=1.5)


def to_api(caller: Caller, lab: Lab, cluster: str) -> Replies:
    return caller.connect(lab.plan_of(cluster).api_address, 6443, timeout=1.5)


def balanced(site: Site) -> str:
    """Give the echo of ``site`` an address outside of its cluster; return it."""
    ports = [{"name": "tls", "port": 15443, "targetPort": 8080}]
    spec = {"type": "LoadBalancer", "selector": {"app": "echo"}, "ports": ports}
    meta = {"name": "outside", "namespace": SPACE}
    site.apply({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec})
    found = eventually(
        lambda: site.kube.get("Service", "outside", SPACE),
        lambda service: bool(ingress(service)),
        what="the Service has an address",
        budget=SOON,
    )
    return ingress(found)[0]


def served(caller: Caller, url: str, cluster: str) -> None:
    eventually(
        lambda: caller.call(url, timeout=1),
        lambda replies: replies.clusters == {cluster: 1},
        what=f"{cluster} serves {url}",
        budget=SOON,
    )


def ingress(service: Manifest) -> list[str]:
    return [entry["ip"] for entry in service["status"]["loadBalancer"].get("ingress", [])]


class Capable(
    Provider,
    CanCapture,
    CanCutApi,
    CanCutGateway,
    CanPartition,
    CanPauseNode,
    CanRoutePods,
    Protocol,
):
    """A provider with every capability that wires have."""


class WiresContract:
    """What is true of the wires of every lab of three clusters."""

    def test_pods_of_one_network_reach_each_other_under_their_own_addresses(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        east, near = callers["east"], callers["near"]
        with provider.capture(lab) as capture:
            assert to_pod(east, near).ok
            assert to_pod(near, east).ok
            ends = {(flow.source, flow.target) for flow in capture.flows()}
        assert {(east.ip, near.ip), (near.ip, east.ip)} <= ends

    def test_pods_of_two_networks_reach_api_servers_but_no_pods(
        self, lab: Lab, callers: dict[str, Caller]
    ) -> None:
        for one, other in (("east", "west"), ("west", "east"), ("west", "near")):
            assert to_api(callers[one], lab, other).ok
            assert not to_pod(callers[one], callers[other]).ok
            assert not callers[one].connect(lab.plan_of(other).api_address, 10250, timeout=1).ok

    def test_pods_on_two_nodes_of_a_cluster_reach_each_other_and_services(
        self, sites: dict[str, Site], callers: dict[str, Caller]
    ) -> None:
        east = sites["east"]
        with east.scaled("echo", SPACE, 4):
            pods = east.pods(SPACE, "echo")
            assert len({pod["spec"]["nodeName"] for pod in pods}) == 2
            for pod in pods:
                assert callers["east"].call(f"http://{pod['status']['podIP']}:8080/").ok
            eventually(
                lambda: callers["east"].call(f"http://echo.{SPACE}:5000/", count=60),
                lambda replies: replies.ok and len(replies.pods) == 4,
                what="the Service leads to every pod",
                budget=SOON,
            )

    def test_names_of_services_resolve_and_unknown_names_fail_at_once(
        self,
        callers: dict[str, Caller],
    ) -> None:
        eventually(
            lambda: callers["west"].resolve(f"echo.{SPACE}.svc.cluster.local"),
            lambda found: bool(found.addresses),
            what="cluster DNS answers",
            budget=SOON,
        )
        assert not callers["west"].resolve("example.org").addresses

    def test_an_address_of_no_service_is_refused_at_once(
        self, lab: Lab, callers: dict[str, Caller]
    ) -> None:
        unused = str(IPv4Network(lab.plan_of("west").services)[-2])
        refused = callers["west"].connect(unused, 443, timeout=1.5)
        assert "refused" in refused[0].trouble.lower()

    def test_a_load_balancer_is_reached_from_the_other_network(
        self, sites: dict[str, Site], callers: dict[str, Caller]
    ) -> None:
        address = balanced(sites["west"])
        assert address in sites["west"].plan.load_balancers
        served(callers["east"], f"http://{address}:15443/", "west")
        sites["west"].kube.gone("Service", "outside", SPACE)
        eventually(
            lambda: callers["east"].call(f"http://{address}:15443/", timeout=1),
            lambda replies: not replies.ok,
            what="the address is taken back",
            budget=SOON,
        )

    def test_an_api_server_is_cut_from_one_cluster_only_and_heals(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        with provider.api_cut(lab, client="east", server="west"):
            assert not to_api(callers["east"], lab, "west").ok
            assert to_api(callers["near"], lab, "west").ok
            assert to_api(callers["west"], lab, "east").ok
        assert to_api(callers["east"], lab, "west").ok

    def test_a_gateway_is_cut_from_one_cluster_only_and_heals(
        self, lab: Lab, provider: Capable, sites: dict[str, Site], callers: dict[str, Caller]
    ) -> None:
        url = f"http://{balanced(sites['west'])}:15443/"
        served(callers["east"], url, "west")
        with provider.gateway_cut(lab, client="east", server="west"):
            assert not callers["east"].call(url, timeout=1).ok
            assert callers["near"].call(url).ok
            assert to_api(callers["east"], lab, "west").ok
        assert callers["east"].call(url).ok
        sites["west"].kube.gone("Service", "outside", SPACE)

    def test_a_partition_is_complete_on_one_network_too(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        with provider.partition(lab, one="east", other="near"):
            assert not to_pod(callers["east"], callers["near"]).ok
            assert not to_pod(callers["near"], callers["east"]).ok
            assert not to_api(callers["near"], lab, "east").ok
            assert to_api(callers["near"], lab, "west").ok
        assert to_pod(callers["east"], callers["near"]).ok

    def test_a_cut_ends_requests_over_connections_that_are_open(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        url = f"http://{callers['near'].ip}:8080/?delay=1"
        with callers["east"].load(url, rate=4, seconds=4, timeout=2) as load:
            with provider.partition(lab, one="east", other="near"):
                eventually(
                    lambda: to_pod(callers["east"], callers["near"]),
                    lambda replies: not replies.ok,
                    what="the partition holds",
                    budget=SOON,
                )
            ledger = load.ledger()
        assert ledger.failed

    def test_pods_of_two_networks_meet_while_they_are_routed(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        with provider.pod_routes(lab, one="east", other="west"), provider.capture(lab) as capture:
            assert to_pod(callers["east"], callers["west"]).ok
            assert to_pod(callers["west"], callers["east"]).ok
            ends = {(flow.source, flow.target) for flow in capture.flows()}
        assert (callers["east"].ip, callers["west"].ip) in ends
        assert not to_pod(callers["east"], callers["west"]).ok

    def test_a_capture_finds_a_word_said_in_clear_and_no_other(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        with provider.capture(lab) as capture:
            callers["east"].call(
                f"http://{callers['near'].ip}:8080/", headers={"x-word": "sesame-1"}
            )
            callers["east"].call(
                f"http://{callers['east'].ip}:8080/", headers={"x-word": "sesame-2"}
            )
            assert capture.contains(b"sesame-1")
            assert not capture.contains(b"sesame-2")

    def test_a_paused_node_is_silent_and_goes_on_where_it_was(
        self, lab: Lab, provider: Capable, callers: dict[str, Caller]
    ) -> None:
        node = lab.plan_of("near").nodes[0].name
        with provider.node_paused(lab, cluster="near", node=node):
            assert not to_pod(callers["east"], callers["near"]).ok
        replies = to_pod(callers["east"], callers["near"])
        assert replies.ok
        assert replies.pods == {callers["near"].pod: 1}
