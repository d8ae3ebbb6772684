"""Calls between networks take gateways, and endpoints say so beforehand."""

from collections.abc import Callable

import pytest

from harness.converge import eventually
from harness.probes.claims import from_each, none_from, only_from
from harness.probes.gateway import address, gateways
from harness.probes.paths import mark, peers_of
from harness.sabotages.fabric import (
    expose_everything,
    false_tls_mode_label,
    gateway_network_label_dropped,
    same_network_name_and_routes,
)
from harness.workloads.site import Site
from harness.workloads.stage import (
    BARE,
    ECHO,
    HTTP_PORT,
    SAMPLE,
    TENANT,
    Stage,
    only,
)


@pytest.mark.requirement("NM-04")
@pytest.mark.sabotage.with_args(same_network_name_and_routes)
def test_the_server_sees_a_gateway_of_its_own_network(
    source: Site,
    target: Site,
    stage: Stage,
    observed: Callable[[str, str, str, int], None],
) -> None:
    host, word = only(target), mark()
    replies = eventually(
        lambda: stage.stranger(source).call(host.at(word), count=20),
        only_from(target.name),
        what=f"{source.name} calls {target.name}",
    )
    expected = {gateway.ip for gateway in gateways(target)}
    peers = peers_of(target, SAMPLE, "echo", word, at_least=len(replies))
    assert peers <= expected, f"peers {sorted(peers)}, gateways of {target.name} {sorted(expected)}"
    observed(source.name, target.name, "gateway", len(replies))


@pytest.mark.requirement("NM-05")
@pytest.mark.sabotage.with_args(gateway_network_label_dropped)
def test_endpoints_are_own_pods_and_foreign_gateways(
    source: Site, target: Site, stage: Stage
) -> None:
    own = {(pod["status"]["podIP"], 8080) for pod in source.pods(SAMPLE, "echo")}
    foreign = {
        (address(site), site.shape.gateway_port)
        for site in stage.sites
        if site.network != source.network
    }
    kin = {
        (pod["status"]["podIP"], 8080)
        for site in stage.sites
        if site.network == source.network and site.name != source.name
        for pod in site.pods(SAMPLE, "echo")
    }
    assert (address(target), target.shape.gateway_port) in foreign
    eventually(
        lambda: {
            (endpoint.address, endpoint.port)
            for endpoint in stage.stranger(source).sidecar.endpoints(ECHO.fqdn, HTTP_PORT)
        },
        lambda held: held == own | kin | foreign,
        what=f"{source.name} holds its network's pods and the gateways of the others, no more",
    )


@pytest.mark.requirement("NM-10")
@pytest.mark.sabotage.with_args(expose_everything)
@pytest.mark.disturbs
def test_a_gateway_exposes_the_hosts_it_selects(source: Site, target: Site, stage: Stage) -> None:
    caller = stage.stranger(source)
    twin = from_each([target.name], at_least=5)
    eventually(
        lambda: caller.call(TENANT.url, count=50),
        twin,
        what=f"{TENANT.fqdn} of {target.name} is reached while everything is exposed",
    )
    exposed = server_for(target, hosts=[f"*.{SAMPLE}.svc.cluster.local"])
    with target.patched("Gateway", target.shape.exposure, exposed, target.shape.gateway_namespace):
        eventually(
            lambda: caller.call(TENANT.url, count=50),
            none_from(target.name),
            what=f"{TENANT.fqdn} of {target.name}, not exposed, answers nobody in {source.name}",
        )
        eventually(
            lambda: caller.call(only(target).url, count=20),
            only_from(target.name),
            what=f"{only(target).fqdn}, exposed, answers {source.name}",
        )


def server_for(site: Site, *, hosts: list[str]) -> dict[str, object]:
    """Return the patch that replaces the hosts of the cluster's exposure."""
    gateway = site.kube.get("Gateway", site.shape.exposure, site.shape.gateway_namespace)
    servers = [{**server, "hosts": hosts} for server in gateway["spec"]["servers"]]
    return {"spec": {"servers": servers}}


@pytest.mark.requirement("NM-11")
@pytest.mark.sabotage.with_args(false_tls_mode_label)
def test_pods_without_a_proxy_are_not_offered_to_other_networks(
    source: Site, target: Site, stage: Stage
) -> None:
    caller = stage.stranger(source)
    held = {endpoint.address for endpoint in caller.sidecar.endpoints(BARE.fqdn, HTTP_PORT)}
    assert held, f"{source.name} holds no endpoint of {BARE.fqdn} at all"
    assert address(target) not in held, "a gateway stands for a pod without a proxy"
    replies = caller.call(BARE.url, count=50)
    assert replies.ok, f"calls fail on the way to a pod without a proxy: {replies}"
    assert target.name not in replies.clusters, f"{replies}"
