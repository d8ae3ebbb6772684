"""Gateways admit only those whom the mesh root vouches for."""

from functools import partial

import pytest

from harness.probes.claims import all_answered, always, not_served
from harness.probes.identity import alien, mint
from harness.sabotages.fabric import simple_tls_server
from harness.workloads.site import Site
from harness.workloads.stage import RAW_REQUEST, SAMPLE, Stage, only


@pytest.mark.requirement("NM-09")
@pytest.mark.sabotage.with_args(simple_tls_server, breaks="lets in who comes")
def test_a_gateway_admits_mesh_certificates_only(source: Site, target: Site, stage: Stage) -> None:
    uri = source.identity(SAMPLE, "probe-b")
    gateway, port = min(stage.ways_into(target))
    hello = partial(
        stage.bare(source).tls,
        gateway,
        port,
        sni=only(target).sni(),
        alpn=("istio",),
        request=RAW_REQUEST,
    )
    always(
        partial(hello, identity=mint(source.control_plane, uri)),
        all_answered(200),
        what=f"{gateway} of {target.name} serves a request with a mesh certificate",
    )
    refused = {
        "without a certificate": hello(identity=None, count=5),
        "with a certificate of an alien root": hello(identity=alien(uri), count=5),
        "in plaintext": hello(identity=None, plaintext=True, count=5),
    }
    for how, replies in refused.items():
        assert not_served(replies), f"{target.name} lets in who comes {how}: {replies}"
