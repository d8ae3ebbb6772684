"""Requests are balanced over the instances of all clusters, whatever the protocol."""

from functools import partial

import pytest

from harness.probes.claims import CALLS, always, from_each, only_from
from harness.sabotages.discovery import no_remote_secret, secret_name_mismatch
from harness.sabotages.fabric import services_not_exposed
from harness.workloads.site import Site
from harness.workloads.stage import (
    ECHO,
    GRPC_PORT,
    SORTED,
    TCP_PORT,
    Stage,
    version_of,
)


@pytest.mark.requirement("LB-01")
@pytest.mark.sabotage.with_args(no_remote_secret, breaks="answer callers in")
def test_every_version_answers(cluster: Site, stage: Stage) -> None:
    versions = {version_of(site, stage.sites) for site in stage.sites}
    always(
        lambda: stage.stranger(cluster).call(ECHO.url, count=CALLS),
        from_each(stage.apart(cluster)),
        what=f"{sorted(versions)} answer callers in {cluster.name}",
    )


@pytest.mark.requirement("LB-05")
@pytest.mark.sabotage.with_args(secret_name_mismatch, breaks="the subset of")
def test_a_cluster_subset_selects_one_cluster(source: Site, target: Site, stage: Stage) -> None:
    for site in (source, target):
        always(
            partial(
                stage.stranger(source).call, SORTED.url, count=50, headers={"x-cluster": site.name}
            ),
            only_from(site.name),
            what=f"the subset of {site.name} answers callers in {source.name}",
        )


@pytest.mark.requirement("LB-06")
@pytest.mark.sabotage.with_args(services_not_exposed, on="other-network", breaks="TCP callers")
@pytest.mark.sabotage.with_args(no_remote_secret, on="same-network", breaks="TCP callers")
def test_tcp_and_grpc_are_merged_too(source: Site, target: Site, stage: Stage) -> None:
    caller = stage.stranger(source)
    both = from_each([source.name, stage.together(source, target)], at_least=5)
    host = f"{ECHO.name}.{ECHO.namespace}"
    always(
        lambda: caller.tcp(host, TCP_PORT, count=60),
        both,
        what=f"TCP callers in {source.name} reach both clusters",
    )
    always(
        lambda: caller.grpc(host, GRPC_PORT, count=60),
        both,
        what=f"gRPC callers in {source.name} reach both clusters",
    )
