"""On one network pods reach pods, with and without the mesh, and nothing stands in between."""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Network

import pytest

from harness.converge import eventually
from harness.meshes.base import PASSTHROUGH_PORT
from harness.model import Lab
from harness.probes.claims import always, only_from
from harness.probes.paths import mark, peers_of
from harness.probes.wire import between
from harness.providers.base import CanCapture, Flow
from harness.sabotages.fabric import (
    equal_pod_subnets,
    false_network_name,
    route_removed,
)
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, HTTP_PORT, SAMPLE, Stage, only


@pytest.mark.requirement("NM-01")
@pytest.mark.sabotage.with_args(route_removed, breaks="without a proxy calls")
@pytest.mark.disturbs
def test_pods_reach_pods_of_the_other_cluster(source: Site, target: Site, stage: Stage) -> None:
    pod = target.pods(SAMPLE, "bare")[0]
    url = f"http://{pod['status']['podIP']}:{AGENT_PORT}/"
    replies = always(
        lambda: stage.bare(source).call(url, count=10, timeout=2.0),
        only_from(target.name),
        what=f"a pod of {source.name} without a proxy calls {url} in {target.name}",
    )
    assert set(replies.pods) == {pod["metadata"]["name"]}, f"another pod answers: {replies.pods}"


@pytest.mark.requirement("NM-02")
@pytest.mark.sabotage.with_args(false_network_name, breaks="under their own addresses")
def test_calls_run_from_pod_to_pod(
    source: Site,
    target: Site,
    stage: Stage,
    lab: Lab,
    provider: CanCapture,
    notes: Callable[[str], None],
    observed: Callable[[str, str, str, int], None],
) -> None:
    caller, host, word = stage.stranger(source), only(target), mark()
    servers = {(pod["status"]["podIP"], AGENT_PORT) for pod in target.pods(SAMPLE, "echo")}
    eventually(
        lambda: {(e.address, e.port) for e in caller.sidecar.endpoints(host.fqdn, HTTP_PORT)},
        lambda held: held == servers,
        what=f"{source.name} holds the pods of {target.name} under their own addresses",
    )
    with provider.capture(lab) as wire:
        replies = eventually(
            lambda: caller.call(host.at(word), count=20),
            only_from(target.name),
            what=f"{source.name} calls {target.name}",
        )
        flows = eventually(
            lambda: seen_between(source, target, wire.flows()),
            lambda seen: any(through_gateway(flow) or direct(flow, servers) for flow in seen),
            what=f"calls from {source.name} show on the wire",
        )
    turned = [str(flow) for flow in flows if through_gateway(flow)]
    assert not turned, f"to or from a gateway, on the wire between the clusters: {turned[:5]}"
    peers = peers_of(target, SAMPLE, "echo", word, at_least=len(replies))
    nodes = {node.address for node in source.plan.nodes}
    assert peers <= {caller.ip, *nodes}, f"servers see other peers than {caller.ip}: {peers}"
    kept = "keep their address" if peers == {caller.ip} else "come under their node's address"
    notes(f"calls from {source.name} {kept}")
    observed(source.name, target.name, "direct", len(replies))


def seen_between(source: Site, target: Site, flows: Sequence[Flow]) -> list[Flow]:
    """Return the flows from one of two clusters to the other, either way."""
    there, back = (source.plan, target.plan), (target.plan, source.plan)
    return [*between(*there, flows), *between(*back, flows)]


def direct(flow: Flow, servers: set[tuple[str, int]]) -> bool:
    """Say whether a packet went to a server under its own address."""
    return (flow.target, flow.target_port) in servers


def through_gateway(flow: Flow) -> bool:
    """Say whether a packet went to, or came from, the port at which gateways pass TLS on."""
    return PASSTHROUGH_PORT in (flow.source_port, flow.target_port)


@pytest.mark.requirement("NM-07")
@pytest.mark.sabotage.with_args(equal_pod_subnets, breaks="ranges overlap")
def test_ranges_of_clusters_on_one_network_are_disjoint(source: Site, target: Site) -> None:
    for what, mine in ranges(source):
        for other, theirs in ranges(target):
            clash = f"{what} of {source} {mine}, {other} of {target} {theirs}"
            assert not mine.overlaps(theirs), f"ranges overlap: {clash}"


def ranges(site: Site) -> Iterator[tuple[str, IPv4Network]]:
    """Yield what a cluster was planned to give out, and what it says that it gives out."""
    yield "pods", IPv4Network(site.plan.pods)
    yield "services", IPv4Network(site.plan.services)
    for node in site.kube.list("Node"):
        for cidr in node["spec"].get("podCIDRs", []):
            yield f"pods on {node['metadata']['name']}", IPv4Network(cidr)
    for service in site.kube.list("Service"):
        for address in service["spec"].get("clusterIPs", []):
            if "." in address:  # neither "None" nor of IPv6
                yield f"service {service['metadata']['name']}", IPv4Network(address)
