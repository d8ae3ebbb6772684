"""Workloads prove who they are, the same everywhere, also through gateways."""

from functools import partial

import pytest

from harness.converge import eventually
from harness.probes.claims import all_answered, always, from_each, only_from, served, unanswered
from harness.sabotages.control_plane import (
    different_root,
    other_service_account,
    other_trust_domain,
)
from harness.sabotages.fabric import tls_terminated_at_gateway
from harness.sabotages.policy import any_principal, mtls_disabled, permissive_policy
from harness.workloads.rules import authorization, everywhere, mesh_wide
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, OTHER, SAMPLE, Stage, only


@pytest.mark.requirement("ID-01")
@pytest.mark.sabotage.with_args(mtls_disabled, breaks="another identity")
def test_servers_see_each_callers_identity(cluster: Site, stage: Stage) -> None:
    callers = {
        (SAMPLE, "probe-a"): stage.echo(cluster),
        (SAMPLE, "probe-b"): stage.stranger(cluster),
        (OTHER, "probe"): stage.tenant(cluster),
    }
    for (namespace, account), caller in callers.items():
        expected = cluster.identity(namespace, account)
        replies = always(
            partial(caller.call, ECHO.url, count=20),
            served,
            what=f"{account} of {cluster.name} is served",
        )
        seen = {reply.identity for reply in replies}
        assert seen == {expected}, f"servers see another identity than {expected}: {seen}"


@pytest.mark.requirement("ID-02")
@pytest.mark.sabotage.with_args(
    other_trust_domain, on="other-control-plane", breaks="several identities"
)
@pytest.mark.sabotage.with_args(other_service_account, breaks="several identities")
@pytest.mark.sabotage.with_args(mtls_disabled, breaks="show no identity")
@pytest.mark.disturbs
def test_an_account_is_one_identity_in_every_cluster(
    source: Site, target: Site, stage: Stage
) -> None:
    seen = {}
    for site in (source, target):
        replies = always(
            partial(stage.stranger(site).call, only(site).url, count=20),
            served,
            what=f"probe-b of {site.name} is served there",
        )
        seen[site.name] = {reply.identity for reply in replies}
    both = seen[source.name] | seen[target.name]
    assert "" not in both, f"callers show no identity: {seen}"
    assert len(both) == 1, f"one account has several identities: {seen}"


@pytest.mark.requirement("ID-04")
@pytest.mark.sabotage.with_args(permissive_policy, breaks="refuses plaintext")
@pytest.mark.sabotage.with_args(
    different_root, on="other-control-plane", breaks="answers callers in"
)
@pytest.mark.disturbs
def test_strict_mtls_holds_across_clusters(source: Site, target: Site, stage: Stage) -> None:
    here = only(source)
    eventually(
        lambda: stage.bare(source).call(here.url, count=3),
        served,
        what=f"before STRICT, {source.name} serves plaintext",
    )
    with everywhere(stage.sites, mesh_wide(target, "default", "STRICT")):
        always(
            lambda: stage.bare(source).call(here.url, count=5),
            unanswered,
            what=f"under STRICT, {source.name} refuses plaintext",
        )
        always(
            lambda: stage.stranger(source).call(ECHO.url, count=100),
            from_each([stage.together(source, target)]),
            what=f"under STRICT, {target.name} answers callers in {source.name}",
        )


@pytest.mark.requirement("ID-06")
@pytest.mark.sabotage.with_args(
    tls_terminated_at_gateway, on="other-network", breaks="admits probe-a"
)
@pytest.mark.sabotage.with_args(any_principal, breaks="refuses probe-b")
@pytest.mark.sabotage.with_args(mtls_disabled, on="same-network", breaks="admits probe-a")
@pytest.mark.disturbs
def test_principals_are_authorized_across_clusters(
    source: Site, target: Site, stage: Stage
) -> None:
    principal = f"{source.shape.trust_domain}/ns/{SAMPLE}/sa/probe-a"
    allowed = authorization("probe-a", SAMPLE, app="echo", sources=[{"principals": [principal]}])
    host = only(target)
    with everywhere(stage.sites, allowed):
        always(
            lambda: stage.echo(source).call(host.url, count=20),
            only_from(target.name),
            what=f"{target.name} admits probe-a of {source.name}",
        )
        always(
            lambda: stage.stranger(source).call(host.url, count=20),
            all_answered(403),
            what=f"{target.name} refuses probe-b of {source.name}",
        )
