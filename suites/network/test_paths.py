"""Calls between networks take gateways, and endpoints say so beforehand."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from harness.faults.exposure import exposing
from harness.probes.caller import Caller
from harness.probes.claims import always, from_each, none_from, only_from
from harness.probes.gateway import gateways, ways_in
from harness.probes.paths import mark, peers_of
from harness.sabotages.fabric import (
    expose_everything,
    false_tls_mode_label,
    gateway_network_label_dropped,
    same_network_name_and_routes,
)
from harness.workloads.naming import service_name
from harness.workloads.site import Site
from harness.workloads.stage import (
    AGENT_PORT,
    BARE,
    ECHO,
    HTTP_PORT,
    SAMPLE,
    TENANT,
    Stage,
    only,
)


@pytest.mark.requirement("NM-04")
@pytest.mark.sabotage.with_args(same_network_name_and_routes, breaks="came past the gateways")
def test_the_server_sees_a_gateway_of_its_own_network(
    source: Site,
    target: Site,
    stage: Stage,
    observed: Callable[[str, str, str, int], None],
) -> None:
    host, word = only(target), mark()
    replies = always(
        lambda: stage.stranger(source).call(host.at(word), count=20),
        only_from(target.name),
        what=f"{source.name} calls {target.name}",
    )
    expected = {gateway.ip for site in stage.kin(target) for gateway in gateways(site)}
    peers = peers_of(target, SAMPLE, "echo", word, at_least=len(replies))
    assert peers <= expected, f"calls came past the gateways of {target.name}: {peers - expected}"
    observed(source.name, target.name, "gateway", len(replies))


@pytest.mark.requirement("NM-05")
@pytest.mark.sabotage.with_args(gateway_network_label_dropped, breaks="no more")
def test_endpoints_are_own_pods_and_foreign_gateways(cluster: Site, stage: Stage) -> None:
    kin = [site for site in stage.sites if site.network == cluster.network]
    pods = [pod["status"]["podIP"] for site in kin for pod in site.pods(SAMPLE, "echo")]
    others = [site for site in stage.sites if site not in kin]
    foreign = {way for site in others for way in ways_in(site, cluster.network)}
    expected = {(pod, AGENT_PORT) for pod in pods} | foreign
    always(
        lambda: [held_by(caller) for caller in stage.strangers(cluster)],
        lambda views: len(views) > 1 and all(view == expected for view in views),
        what=f"callers in {cluster} hold pods of its network, gateways of others, and no more",
    )


def held_by(caller: Caller) -> set[tuple[str, int]]:
    """Return addresses and ports of the endpoints of ``echo`` that a caller's proxy holds."""
    held = caller.sidecar.endpoints(ECHO.fqdn, HTTP_PORT)
    return {(endpoint.address, endpoint.port) for endpoint in held}


@pytest.mark.requirement("NM-10")
@pytest.mark.sabotage.with_args(expose_everything, breaks="answers nobody in")
@pytest.mark.disturbs
def test_a_gateway_exposes_the_hosts_it_selects(source: Site, target: Site, stage: Stage) -> None:
    caller = stage.stranger(source)
    with exposing_namespace(SAMPLE, stage.gated(target)):
        always(
            lambda: caller.call(TENANT.url, count=50),
            none_from(target.name),
            what=f"{TENANT.fqdn} of {target.name}, not exposed, answers nobody in {source.name}",
        )
        always(
            lambda: caller.call(only(target).url, count=20),
            only_from(target.name),
            what=f"{only(target).fqdn}, exposed, answers {source.name}",
        )
    with exposing_namespace(TENANT.namespace, stage.gated(target)):
        always(
            lambda: caller.call(TENANT.url, count=50),
            from_each([stage.together(source, target)], at_least=5),
            what=f"{TENANT.fqdn} of {target.name} is reached when it is exposed",
        )


@contextmanager
def exposing_namespace(namespace: str, sites: Iterable[Site]) -> Iterator[None]:
    """Run the body while gateways of some clusters expose the Services of a namespace alone."""
    with ExitStack() as undo:
        for site in sites:
            undo.enter_context(exposing(site, hosts=[service_name("*", namespace)]))
        yield


@pytest.mark.requirement("NM-11")
@pytest.mark.sabotage.with_args(false_tls_mode_label, breaks="a gateway stands for")
def test_pods_without_a_proxy_are_not_offered_to_other_networks(
    source: Site, target: Site, stage: Stage
) -> None:
    caller = stage.stranger(source)
    held = {endpoint.address for endpoint in caller.sidecar.endpoints(BARE.fqdn, HTTP_PORT)}
    assert held, f"{source.name} holds no endpoint of {BARE.fqdn} at all"
    ways = {address for address, _ in stage.ways_into(target)}
    assert not held & ways, "a gateway stands for a pod without a proxy"
    replies = caller.call(BARE.url, count=50)
    assert replies.ok, f"calls fail on the way to a pod without a proxy: {replies}"
    assert target.name not in replies.clusters, f"{target} is called without a proxy: {replies}"
