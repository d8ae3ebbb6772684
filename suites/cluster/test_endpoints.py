"""The endpoints that clients hold follow pods of the other cluster."""

from collections.abc import Sequence

import pytest

from harness.converge import Budget, concurrently, eventually
from harness.sabotages.discovery import api_cut_after_sync
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage, instances_held

FOLLOWS = Budget(timeout=30, interval=0.1)
#: How long pods take to start is no matter of the mesh.
STARTING = Budget(timeout=90, interval=0.1, firm=True)


@pytest.mark.requirement("CM-03")
@pytest.mark.sabotage.with_args(api_cut_after_sync, breaks="holds")
@pytest.mark.disturbs
def test_endpoints_follow_pods_of_the_other_cluster(
    sources: Sequence[Site], target: Site, stage: Stage
) -> None:
    with target.scaled("echo", SAMPLE, 0):
        expect_instances(sources, target, stage, 0)
        target.kube.scale("echo", SAMPLE, 3)
        eventually(
            lambda: len(target.pods(SAMPLE, "echo")),
            lambda ready: ready == 3,
            what=f"three pods are ready in {target.name}",
            budget=STARTING,
        )
        expect_instances(sources, target, stage, 3)
        target.kube.scale("echo", SAMPLE, 0)
        expect_instances(sources, target, stage, 0)
        for source in sources:
            replies = stage.stranger(source).call(ECHO.url, count=50)
            assert replies.ok, f"calls fail though pods of {target.name} are gone: {replies}"
            assert target.name not in replies.clusters, f"pods that are gone answer: {replies}"


def expect_instances(sources: Sequence[Site], target: Site, stage: Stage, count: int) -> None:
    """Wait until sources hold ``count`` of ``target``, on top of one of each other cluster."""
    others = len(stage.sites) - 1

    def expect(source: Site) -> None:
        eventually(
            lambda: instances_held(source, stage),
            lambda held: held == {count + others},
            what=f"every caller in {source.name} holds {count} endpoints of {target.name}",
            budget=FOLLOWS,
        )

    concurrently(expect, sources)
