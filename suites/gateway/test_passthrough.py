"""Gateways pass mutual TLS through: they see neither plaintext nor more than their network."""

from functools import partial

import pytest

from harness.converge import Budget, eventually
from harness.model import Lab
from harness.probes.access_log import entries
from harness.probes.claims import always, only_from
from harness.probes.gateway import gateways
from harness.probes.istiod import istiods
from harness.probes.paths import mark
from harness.providers.base import CanCapture
from harness.sabotages.control_plane import server_under_other_account
from harness.sabotages.fabric import (
    network_view_removed,
    plaintext_bypass,
    same_network_name_and_routes,
    tls_terminated_at_gateway,
)
from harness.sabotages.policy import mtls_disabled
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT, SAMPLE, Stage, only


@pytest.mark.requirement("GW-04")
@pytest.mark.sabotage.with_args(tls_terminated_at_gateway, breaks="answers callers in")
@pytest.mark.sabotage.with_args(server_under_other_account, breaks="another identity")
@pytest.mark.sabotage.with_args(same_network_name_and_routes, breaks="another address")
def test_the_client_sees_the_servers_identity(source: Site, target: Site, stage: Stage) -> None:
    caller, word = stage.stranger(source), mark()
    always(
        lambda: caller.call(only(target).url, count=10),
        only_from(target.name),
        what=f"{target.name} answers callers in {source.name}",
    )
    replies = caller.call(only(target).at(word), count=10)
    assert only_from(target.name)(replies), f"the sample that counts goes astray: {replies}"
    logged = eventually(
        lambda: [e for e in entries(source, caller.pod, SAMPLE) if word in e.path],
        lambda seen: len(seen) >= len(replies),
        what=f"the proxy of {caller.pod} logs its calls",
        budget=Budget(timeout=15, firm=True),
    )
    server = target.identity(SAMPLE, "probe-a")
    peers = {entry.upstream_peer for entry in logged}
    assert peers == {server}, f"the client sees another identity than the server's: {peers}"
    entered = {entry.upstream_address for entry in logged}
    strays = entered - stage.entrances(source, target)
    assert not strays, f"calls go to another address than a gateway's: {strays}"
    found = [gateway for site in stage.kin(target) for gateway in gateways(site)]
    assert found, f"network {target.network} has no gateway that is ready"
    for gateway in found:
        paths = [entry.path for entry in gateway.access_log() if word in entry.path]
        assert not paths, f"gateway {gateway.pod} of {target.name} reads requests: {paths[0]}"


@pytest.mark.requirement("GW-05")
@pytest.mark.sabotage.with_args(plaintext_bypass, on="other-network", breaks="crossed in clear")
@pytest.mark.sabotage.with_args(mtls_disabled, on="same-network", breaks="crossed in clear")
def test_nothing_crosses_in_clear(
    source: Site,
    target: Site,
    stage: Stage,
    lab: Lab,
    provider: CanCapture,
    token: str,
) -> None:
    with provider.capture(lab) as wire:
        replies = stage.stranger(source).call(only(target).at(token), count=20)
        entered = stage.entrances(source, target)
        eventually(
            wire.flows,
            lambda seen: any(flow.target in entered for flow in seen),
            what=f"calls from {source.name} show on the wire",
        )
        assert only_from(target.name)(replies), f"calls from {source.name} go astray: {replies}"
        assert all(token in reply.path for reply in replies), "the token did not arrive"
        assert not wire.contains(token.encode()), f"{token} crossed in clear"


@pytest.mark.requirement("GW-08")
@pytest.mark.sabotage.with_args(network_view_removed, breaks="holds the instances of network")
@pytest.mark.disturbs
def test_a_gateway_forwards_inside_its_network(cluster: Site, stage: Stage) -> None:
    own = {
        pod["status"]["podIP"]
        for site in stage.sites
        if site.network == cluster.network
        for pod in site.pods(SAMPLE, "echo")
    }
    name = ECHO.sni(HTTP_PORT)
    found = gateways(cluster)
    assert found, f"{cluster.name} has no gateway that is ready"
    for gateway in found:
        proxy = f"{gateway.pod}.{gateway.namespace}"
        always(
            partial(endpoints_of, cluster, proxy, name),
            lambda held: held == own,
            what=f"{gateway.pod} holds the instances of network {cluster.network} alone",
        )


def endpoints_of(site: Site, proxy: str, name: str) -> set[str]:
    """Return the addresses that a proxy was given for an Envoy cluster."""
    asked = [istiod for plane in site.control_planes for istiod in istiods(plane)]
    held = [istiod.endpoints_of(proxy).get(name, ()) for istiod in asked]
    return {endpoint.address for endpoints in held for endpoint in endpoints}
