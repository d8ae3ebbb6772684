"""Who may call whom does not depend on the cluster that a caller runs in."""

from functools import partial

import pytest

from harness.converge import eventually
from harness.probes.claims import all_answered, always, from_each, only_from, unanswered
from harness.sabotages.policy import (
    allow_all_rule,
    any_namespace,
    deny_all,
    mtls_disabled,
    permissive_namespace,
    policy_in_remote_only,
    policy_missing_in_one_primary,
)
from harness.workloads.rules import authorization, everywhere, peer_authentication
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, GUARDED, SAMPLE, Stage, only

OWN = [{"namespaces": [SAMPLE]}]


@pytest.mark.requirement("TN-01")
@pytest.mark.sabotage.with_args(deny_all, breaks="is served by every cluster")
def test_tenants_may_call_each_other(cluster: Site, stage: Stage) -> None:
    always(
        lambda: stage.tenant(cluster).call(ECHO.full_url, count=100),
        from_each(stage.apart(cluster)),
        what=f"another tenant's caller in {cluster.name} is served by every cluster",
    )


@pytest.mark.requirement("TN-02")
@pytest.mark.sabotage.with_args(allow_all_rule, breaks="refuses the other tenant")
@pytest.mark.sabotage.with_args(mtls_disabled, breaks="admits its own")
@pytest.mark.disturbs
def test_policies_judge_callers_of_every_cluster(cluster: Site, stage: Stage) -> None:
    serving = only(cluster)
    with everywhere(stage.sites, authorization("own", SAMPLE, app="echo", sources=OWN)):
        for site in stage.sites:
            always(
                partial(stage.stranger(site).call, serving.url, count=20),
                only_from(cluster.name),
                what=f"{cluster.name} admits its own tenant of {site.name}",
            )
            always(
                partial(stage.tenant(site).call, serving.url, count=20),
                all_answered(403),
                what=f"{cluster.name} refuses the other tenant of {site.name}",
            )


@pytest.mark.requirement("TN-03")
@pytest.mark.sabotage.with_args(deny_all, breaks="serves its own tenant")
@pytest.mark.sabotage.with_args(
    policy_missing_in_one_primary, on="other-control-plane", breaks="refuses what the policy"
)
@pytest.mark.sabotage.with_args(
    policy_in_remote_only, on="same-control-plane", breaks="refuses what the policy"
)
def test_a_policy_binds_the_instances_of_every_cluster(
    source: Site, target: Site, stage: Stage
) -> None:
    guarded = only(target).at(GUARDED)
    always(
        lambda: stage.stranger(source).call(guarded, count=20),
        only_from(target.name),
        what=f"{target.name} serves its own tenant of {source.name}",
    )
    always(
        lambda: stage.tenant(source).call(guarded, count=20),
        all_answered(403),
        what=f"{target.name} refuses what the policy forbids the other tenant of {source.name}",
    )


@pytest.mark.requirement("TN-04")
@pytest.mark.sabotage.with_args(any_namespace, breaks="refuses another namespace")
@pytest.mark.sabotage.with_args(permissive_namespace, breaks="refuses plaintext")
@pytest.mark.disturbs
def test_an_isolated_namespace_admits_its_own_only(
    source: Site, target: Site, stage: Stage
) -> None:
    isolation = (
        peer_authentication("isolated", SAMPLE, "STRICT"),
        authorization("isolated", SAMPLE, app="echo", sources=OWN),
    )
    host = only(target)
    eventually(
        lambda: stage.bare(target).call(host.url, count=3),
        lambda replies: None not in replies.statuses,  # admitted or not, it was understood
        what=f"before isolation, {target.name} answers plaintext",
    )
    with everywhere(stage.sites, *isolation):
        always(
            lambda: stage.bare(target).call(host.url, count=5),
            unanswered,
            what=f"{target.name} refuses plaintext",
        )
        always(
            lambda: stage.tenant(source).call(host.url, count=20),
            all_answered(403),
            what=f"{target.name} refuses another namespace of {source.name}",
        )
        always(
            lambda: stage.stranger(source).call(host.url, count=20),
            only_from(target.name),
            what=f"{target.name} admits the same namespace of {source.name}",
        )
