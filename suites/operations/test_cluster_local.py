"""A service can be kept within its cluster while others stay merged."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import pytest

from harness.faults.mesh_config import mesh_config, service_settings
from harness.probes.claims import CALLS, always, from_each, only_from
from harness.sabotages.discovery import (
    cluster_local_host,
    exception_omitted,
    host_typo,
    settings_in_every_primary,
    wildcard_taken_back,
)
from harness.sabotages.policy import rule_missing_for_one_cluster
from harness.workloads.naming import service_name
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, KEPT, LOCAL, OTHER, TENANT, Stage


@pytest.mark.requirement("OP-01")
@pytest.mark.sabotage.with_args(host_typo, breaks="is served in")
@pytest.mark.sabotage.with_args(cluster_local_host, breaks="stays merged")
def test_a_cluster_local_service_is_served_at_home(cluster: Site, stage: Stage) -> None:
    caller = stage.stranger(cluster)
    always(
        lambda: caller.call(LOCAL.url, count=50),
        only_from(cluster.name),
        what=f"{LOCAL.fqdn}, cluster-local, is served in {cluster.name} alone",
    )
    always(
        lambda: caller.call(ECHO.url, count=100),
        from_each(stage.apart(cluster)),
        what=f"{ECHO.fqdn} stays merged for callers in {cluster.name}",
    )


def all_but_one() -> list[tuple[bool, str]]:
    """Say that all Services are cluster-local but for those of a namespace."""
    return [(True, "*"), (False, service_name("*", OTHER))]


@pytest.mark.requirement("OP-02")
@pytest.mark.sabotage.with_args(exception_omitted, breaks="the exception, stays merged")
@pytest.mark.sabotage.with_args(wildcard_taken_back, breaks="is served at home alone")
@pytest.mark.sabotage.with_args(
    settings_in_every_primary, on="other-control-plane", breaks="is none of"
)
@pytest.mark.disturbs
def test_all_but_one_namespace_can_be_kept_at_home(
    sources: Sequence[Site], target: Site, stage: Stage
) -> None:
    concerned = (target, *sources)
    plane = target.control_plane.name
    for entries in (all_but_one(), all_but_one()[::-1]):  # the order must not matter
        with mesh_config(target, service_settings(*entries)):
            for site in concerned:
                if site.control_plane.name == plane:
                    expect_all_but_one(site, stage)
                else:
                    expect_merged(site, stage)
    with ExitStack() as undo:
        for site in {each.control_plane.name: each for each in concerned}.values():
            undo.enter_context(mesh_config(site, service_settings(*all_but_one())))
        for site in concerned:
            expect_all_but_one(site, stage)


def expect_all_but_one(site: Site, stage: Stage) -> None:
    """Wait until callers in a cluster are served there, but for one namespace's Services."""
    always(
        partial(stage.stranger(site).call, ECHO.url, count=50),
        only_from(site.name),
        what=f"{ECHO.fqdn} is served at home alone for callers in {site}",
    )
    always(
        partial(stage.stranger(site).call, TENANT.url, count=CALLS),
        from_each(stage.apart(site)),
        what=f"{TENANT.fqdn}, the exception, stays merged for callers in {site}",
    )


def expect_merged(site: Site, stage: Stage) -> None:
    """Wait until callers in a cluster are served by all, whatever others have been told."""
    always(
        partial(stage.stranger(site).call, ECHO.url, count=CALLS),
        from_each(stage.apart(site)),
        what=f"what others keep at home is none of {site}, where {ECHO.fqdn} is merged",
    )


@pytest.mark.requirement("OP-03")
@pytest.mark.sabotage.with_args(rule_missing_for_one_cluster, breaks="are served there alone")
@pytest.mark.sabotage.with_args(cluster_local_host, breaks="without such rules")
def test_subsets_by_source_keep_requests_at_home(cluster: Site, stage: Stage) -> None:
    caller = stage.stranger(cluster)
    always(
        lambda: caller.call(KEPT.url, count=CALLS),
        only_from(cluster.name),
        what=f"by rules for {KEPT.fqdn}, callers in {cluster} are served there alone",
    )
    always(
        lambda: caller.call(ECHO.url, count=CALLS),
        from_each(stage.apart(cluster)),
        what=f"without such rules, {ECHO.fqdn} is merged for callers in {cluster}",
    )
