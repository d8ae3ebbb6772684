"""Federated meshes offer each other what they list, at gateways, and nothing else."""

from functools import partial

import pytest

from harness.converge import eventually
from harness.meshes.federation import sni
from harness.model import Lab
from harness.probes.claims import all_answered, always, from_each, not_served
from harness.probes.identity import mint
from harness.probes.wire import through, trespasses
from harness.providers.base import CanCapture
from harness.sabotages.meshes import (
    bundle_removed,
    direct_import,
    expose_everything,
    import_deleted,
)
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, RAW_REQUEST, SAMPLE, TENANT, Stage, known_abroad


@pytest.mark.requirement("MM-03")
@pytest.mark.sabotage.with_args(bundle_removed, breaks="lets in who asks for")
@pytest.mark.sabotage.with_args(expose_everything, breaks="is exposed though not listed")
@pytest.mark.disturbs
def test_only_listed_services_are_exposed(source: Site, target: Site, stage: Stage) -> None:
    caller = mint(source.control_plane, source.identity(SAMPLE, "probe-b"))
    for address, port in sorted(stage.ways_into(target)):
        hello = partial(
            stage.bare(source).tls,
            address,
            port,
            alpn=("istio",),
            identity=caller,
            request=RAW_REQUEST,
        )
        for service in stage.offered(source, target):
            always(
                partial(hello, sni=sni(service)),
                all_answered(200),
                what=f"{target} lets in who asks for {service.host} with a certificate of {source}",
            )
        for host in (ECHO, TENANT):
            replies = hello(sni=host.sni(), count=5)
            assert not_served(replies), f"{host.fqdn} is exposed though not listed: {replies}"


@pytest.mark.requirement("MM-04")
@pytest.mark.sabotage.with_args(import_deleted, breaks="alone answers who asks for")
@pytest.mark.disturbs
def test_listed_services_have_a_name_of_their_own(source: Site, target: Site, stage: Stage) -> None:
    for service in stage.offered(source, target):
        host = known_abroad(service)
        always(
            partial(stage.stranger(source).call, host.full_url, count=50),
            from_each([stage.mates(target)], at_least=50),
            what=f"the mesh of {target} alone answers who asks for {host.fqdn} in {source}",
        )


@pytest.mark.requirement("MM-06")
@pytest.mark.sabotage.with_args(direct_import, breaks="past its gateways")
@pytest.mark.disturbs
def test_meshes_meet_at_gateways(
    source: Site, target: Site, stage: Stage, lab: Lab, provider: CanCapture
) -> None:
    gateways = {address for address, _ in stage.ways_into(target)}
    host = known_abroad(stage.offered(source, target)[0])
    with provider.capture(lab) as wire:
        replies = stage.stranger(source).call(host.full_url, count=40)
        flows = eventually(
            wire.flows,
            lambda seen: through(gateways, seen) or bool(trespasses(lab.plan, seen)),
            what=f"calls from {source} to {host.fqdn} show on the wire",
        )
    assert replies.ok, f"calls from {source} to {host.fqdn} fail: {replies}"
    strays = [str(flow) for flow in trespasses(lab.plan, flows)]
    assert not strays, f"the mesh of {target} is reached past its gateways: {strays[:5]}"
    assert through(gateways, flows), f"no packet went to {gateways}, yet {replies}"
