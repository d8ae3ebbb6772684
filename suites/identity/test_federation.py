"""Meshes trust each other as far as they have said so, and no further."""

from functools import partial

import pytest

from harness.faults.bundle_endpoint import BundleEndpoint
from harness.meshes.federation import sni
from harness.probes.claims import all_answered, always, not_served, served
from harness.probes.identity import mint
from harness.sabotages.meshes import (
    bundle_removed,
    one_root_for_both,
    trust_domain_listed,
    wrong_bundle,
)
from harness.sabotages.policy import any_principal
from harness.workloads.foreign import UNLISTED, foreign
from harness.workloads.rules import authorization
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, RAW_REQUEST, SAMPLE, Stage, known_abroad


@pytest.mark.requirement("ID-07")
@pytest.mark.sabotage.with_args(one_root_for_both, breaks="do not verify")
@pytest.mark.disturbs
def test_meshes_distrust_each_other_by_default(source: Site, target: Site, stage: Stage) -> None:
    with foreign(source, target) as service:
        own = mint(target.control_plane, target.identity(SAMPLE, "probe-b"))
        always(
            partial(service.hello, stage.bare(source), identity=own),
            all_answered(200),
            what=f"a gateway of {target} leads who is certified by its mesh to a service",
        )
        always(
            partial(service.unverified, stage.stranger(source)),
            bool,
            what=f"callers in {source} do not verify certificates of {target}",
        )
        other = mint(source.control_plane, source.identity(SAMPLE, "probe-b"))
        replies = service.hello(stage.bare(source), identity=other)
        assert not_served(replies), f"{target} lets in a certificate of {source}: {replies}"


@pytest.mark.requirement("ID-08")
@pytest.mark.sabotage.with_args(bundle_removed, breaks="is served")
@pytest.mark.disturbs
def test_exchanged_roots_let_meshes_verify_each_other(
    source: Site, target: Site, stage: Stage
) -> None:
    for service in stage.offered(source, target):
        host = known_abroad(service)
        replies = always(
            partial(stage.stranger(source).call, host.full_url, count=20),
            served,
            what=f"who asks for {host.fqdn} in {source} is served",
        )
        caller = source.identity(SAMPLE, "probe-b")
        seen = set(replies.identities)
        assert seen == {caller}, f"{target} sees other callers than {caller}: {seen}"


@pytest.mark.requirement("ID-12")
@pytest.mark.sabotage.with_args(wrong_bundle, breaks="is served")
@pytest.mark.disturbs
def test_roots_are_taken_from_a_bundle_endpoint(
    source: Site, target: Site, stage: Stage, bundle_endpoint: BundleEndpoint
) -> None:
    host = known_abroad(stage.offered(source, target)[0])
    with bundle_endpoint.between(source, target):
        source.restart("probe-b", SAMPLE)  # or it would go on using connections that it has
        always(
            partial(stage.stranger(source).call, host.full_url, count=20),
            served,
            what=f"who asks for {host.fqdn} in {source} is served, by the bundle of {target}",
        )


@pytest.mark.requirement("ID-09")
@pytest.mark.sabotage.with_args(bundle_removed, breaks="lets in the trust domain of")
@pytest.mark.sabotage.with_args(trust_domain_listed, breaks="that nobody listed")
@pytest.mark.disturbs
def test_trust_domains_that_nobody_listed_are_refused(
    source: Site, target: Site, stage: Stage
) -> None:
    listed = source.identity(SAMPLE, "probe-b")
    unlisted = listed.replace(source.shape.trust_domain, UNLISTED)
    address, port = min(stage.ways_into(target))
    hello = partial(
        stage.bare(source).tls,
        address,
        port,
        sni=sni(stage.offered(source, target)[0]),
        alpn=("istio",),
        request=RAW_REQUEST,
    )
    always(
        partial(hello, identity=mint(source.control_plane, listed)),
        all_answered(200),
        what=f"{target} lets in the trust domain of {source}",
    )
    replies = hello(identity=mint(source.control_plane, unlisted), count=5)
    assert not_served(replies), f"{target} lets in a trust domain that nobody listed: {replies}"


@pytest.mark.requirement("ID-10")
@pytest.mark.sabotage.with_args(bundle_removed, breaks="admits who is named")
@pytest.mark.sabotage.with_args(any_principal, breaks="refuses who is not named")
@pytest.mark.disturbs
def test_policies_name_callers_of_another_mesh(source: Site, target: Site, stage: Stage) -> None:
    host = known_abroad(stage.offered(source, target)[0])
    named = source.identity(SAMPLE, "probe-a").removeprefix("spiffe://")
    policy = authorization("foreign", SAMPLE, app=ECHO.name, sources=[{"principals": [named]}])
    with target.config.applied(policy):
        always(
            partial(stage.echo(source).call, host.full_url, count=20),
            served,
            what=f"{target} admits who is named of {source}",
        )
        always(
            partial(stage.stranger(source).call, host.full_url, count=20),
            all_answered(403),
            what=f"{target} refuses who is not named of {source}",
        )
    always(
        partial(stage.stranger(source).call, host.full_url, count=20),
        served,
        what=f"without the policy, {target} serves {source} again",
    )
