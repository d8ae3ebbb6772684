"""Each cluster gets the share of requests that its endpoints or the rules give it."""

from collections.abc import Callable

import pytest

from harness.converge import eventually
from harness.probes.proportion import Proportion
from harness.sabotages.policy import (
    fixed_cluster_split,
    locality_preference,
    rule_missing_in_one_primary,
)
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT, SAMPLE, SPLIT, Stage, version_of

SAMPLES = 400


@pytest.mark.requirement("LB-02")
@pytest.mark.sabotage.with_args(locality_preference)
def test_clusters_get_equal_shares(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    fair = Proportion(SAMPLES, 1 / len(stage.sites))
    notes(f"{fair}")
    eventually(
        lambda: stage.stranger(cluster).call(ECHO.url, count=SAMPLES, parallel=1),
        lambda seen: seen.ok and all(fair.admits(seen.clusters[s.name]) for s in stage.sites),
        what=f"callers in {cluster.name} are served {fair} by each cluster",
    )


@pytest.mark.requirement("LB-03")
@pytest.mark.sabotage.with_args(fixed_cluster_split)
@pytest.mark.disturbs
def test_the_share_follows_the_number_of_endpoints(
    source: Site, target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    others = len(stage.sites) - 2
    expected = Proportion(SAMPLES, 3 / (4 + others))
    notes(f"{expected}")
    with target.scaled("echo", SAMPLE, 3):
        eventually(
            lambda: total_weight(source, stage),
            lambda weight: weight == 4 + others,
            what=f"{source.name} holds three endpoints of {target.name} and one of each other",
        )
        eventually(
            lambda: stage.stranger(source).call(ECHO.url, count=SAMPLES, parallel=1),
            lambda seen: seen.ok and expected.admits(seen.clusters[target.name]),
            what=f"{target.name} with 3 of {4 + others} endpoints gets {expected}",
        )


def total_weight(site: Site, stage: Stage) -> int:
    """Return the weight of all endpoints of ``echo`` that a caller in ``site`` holds."""
    held = stage.stranger(site).sidecar.endpoints(ECHO.fqdn, HTTP_PORT)
    return sum(endpoint.weight for endpoint in held)


@pytest.mark.requirement("LB-04")
@pytest.mark.sabotage.with_args(rule_missing_in_one_primary)
def test_rules_act_on_the_merged_service(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    first = version_of(stage.sites[0], stage.sites)
    expected = Proportion(SAMPLES, 0.9)
    notes(f"{expected}")
    eventually(
        lambda: stage.stranger(cluster).call(SPLIT.url, count=SAMPLES, parallel=1),
        lambda seen: seen.ok and expected.admits(seen.versions[first]),
        what=f"callers in {cluster.name} are served {expected} by {first}",
    )
