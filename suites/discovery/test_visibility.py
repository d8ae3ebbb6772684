"""Whoever sees a Service is served, however few they are."""

from collections.abc import Callable

import pytest

from harness.probes.claims import CALLS, always, served
from harness.sabotages.discovery import exported_to_nobody
from harness.sabotages.policy import deny_all
from harness.workloads.site import Site
from harness.workloads.stage import PRIVATE, SAMPLE, Stage


@pytest.mark.requirement("DS-12")
@pytest.mark.sabotage.with_args(deny_all, breaks="serves every call")
@pytest.mark.sabotage.with_args(exported_to_nobody, breaks="not by the mesh")
def test_a_private_service_serves_all_who_see_it(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    replies = always(
        lambda: stage.stranger(cluster).call(PRIVATE.url, count=CALLS),
        served,
        what=f"a service for its own namespace only serves every call from there, in {cluster}",
    )
    caller = cluster.identity(SAMPLE, "probe-b")
    seen = {reply.identity for reply in replies}
    assert seen == {caller}, f"callers in {cluster} are served, but not by the mesh: {seen}"
    notes(f"callers in {cluster} are served by {dict(replies.clusters)}")
