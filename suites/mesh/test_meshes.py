"""Independent meshes share nothing: no names, no endpoints, no trust."""

from functools import partial

import pytest

from harness.probes.claims import all_answered, always, not_served, only_from
from harness.probes.identity import mint
from harness.sabotages.meshes import meshes_merged, one_root_for_both
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, ECHO, HTTP_PORT, RAW_REQUEST, SAMPLE, Stage


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
