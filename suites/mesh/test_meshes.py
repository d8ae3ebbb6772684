"""Independent meshes share nothing: no names, no endpoints, no trust."""

from functools import partial

import pytest

from harness.converge import eventually
from harness.probes.access_log import entries
from harness.probes.caller import Caller
from harness.probes.claims import all_answered, always, not_served, only_from
from harness.probes.identity import mint
from harness.probes.paths import mark
from harness.probes.sidecar import outbound
from harness.sabotages.meshes import equal_mesh_ids, meshes_merged, one_root_for_both
from harness.workloads.site import Site
from harness.workloads.stage import (
    AGENT_PORT,
    ECHO,
    HTTP_PORT,
    RAW_REQUEST,
    SAMPLE,
    Host,
    Stage,
    known_abroad,
)


@pytest.mark.requirement("MM-02")
@pytest.mark.sabotage.with_args(meshes_merged, breaks="is answered at home alone")
@pytest.mark.disturbs
def test_two_meshes_may_reuse_names(source: Site, target: Site, stage: Stage) -> None:
    for site in (source, target):
        always(
            partial(stage.stranger(site).call, ECHO.url, count=200),
            only_from(site.name),
            what=f"who asks for {ECHO.fqdn} in {site} is answered at home alone",
        )


@pytest.mark.requirement("MM-05")
@pytest.mark.sabotage.with_args(equal_mesh_ids, breaks="have the same mesh ID")
@pytest.mark.disturbs
def test_mesh_ids_tell_meshes_apart(source: Site, target: Site, stage: Stage) -> None:
    here, there = mesh_ids(source, stage), mesh_ids(target, stage)
    assert not here & there, f"{source} and {target} have the same mesh ID: {here & there}"
    assert len(here) == len(there) == 1, f"proxies of one mesh disagree: {here} and {there}"
    for service in stage.offered(source, target):
        host = known_abroad(service)
        names = logged_as(stage.stranger(source), host, source)
        imported = {outbound(host.fqdn, service.port)}
        assert names == imported, f"logs of {source} call it {names}, not {imported}"


def mesh_ids(site: Site, stage: Stage) -> set[str]:
    """Return the mesh IDs that proxies of a cluster were given."""
    return {str(caller.sidecar.metadata()["MESH_ID"]) for caller in stage.injected(site)}


def logged_as(caller: Caller, host: Host, site: Site) -> set[str]:
    """Return what a caller's proxy calls a service in its log."""
    word = mark()
    replies = caller.call(f"{host.full_url}{word}", count=5)
    assert replies.ok, f"calls from {site} to {host.fqdn} fail: {replies}"
    logged = eventually(
        lambda: [each for each in entries(site, caller.pod, SAMPLE) if word in each.path],
        lambda seen: len(seen) >= len(replies),
        what=f"the proxy of {caller.pod} logs its calls",
    )
    return {entry.upstream_cluster for entry in logged}


@pytest.mark.requirement("TN-08")
@pytest.mark.sabotage.with_args(meshes_merged, breaks="holds an address of")
@pytest.mark.sabotage.with_args(one_root_for_both, breaks="lets in a certificate of")
@pytest.mark.disturbs
def test_independent_meshes_share_nothing(source: Site, target: Site, stage: Stage) -> None:
    foreign = {pod["status"]["podIP"] for pod in target.pods(SAMPLE, "echo")}
    foreign |= {address for address, _ in stage.ways_into(target)}
    for caller in stage.strangers(source):
        held = {e.address for e in caller.sidecar.endpoints(ECHO.fqdn, HTTP_PORT)}
        assert held, f"{caller} holds no endpoint of {ECHO.fqdn} at all"
        assert not held & foreign, f"{caller} holds an address of {target}: {held & foreign}"
    hello = partial(
        stage.bare(target).tls,
        next(iter(pod["status"]["podIP"] for pod in target.pods(SAMPLE, "echo"))),
        AGENT_PORT,
        sni=ECHO.sni(),
        alpn=("istio",),
        request=RAW_REQUEST,
    )
    own, other = (
        mint(site.control_plane, site.identity(SAMPLE, "probe-b")) for site in (target, source)
    )
    always(
        partial(hello, identity=own),
        all_answered(200),
        what=f"{target} serves who is certified by its own mesh",
    )
    replies = hello(identity=other, count=5)
    assert not_served(replies), f"{target} lets in a certificate of {source}: {replies}"
    always(
        lambda: stage.stranger(source).call(ECHO.full_url, count=50),
        only_from(source.name),
        what=f"calls by full name stay in {source}",
    )
