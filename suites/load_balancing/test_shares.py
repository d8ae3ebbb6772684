"""Each cluster gets the share of requests that its endpoints or the rules give it."""

from collections.abc import Callable

import pytest

from harness.converge import eventually
from harness.probes.claims import from_each
from harness.probes.proportion import Proportion, demand
from harness.sabotages.policy import (
    fixed_cluster_split,
    locality_preference,
    rule_missing_in_one_primary,
)
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT, SAMPLE, SPLIT, Stage, version_of

SAMPLES = 400
#: Of 100 calls: a 90/10 split has not more with probability 2.4e-8, no split has with 1.6e-5
#: (``Proportion.more_than``).
LOPSIDED = 70


@pytest.mark.requirement("LB-02")
@pytest.mark.sabotage.with_args(locality_preference)
def test_clusters_get_equal_shares(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    names = [site.name for site in stage.sites]
    caller = stage.stranger(cluster)
    eventually(
        lambda: caller.call(ECHO.url, count=50),
        from_each(names, at_least=1),
        what=f"{names} serve callers in {cluster.name}",
    )
    demand(
        Proportion(SAMPLES, 1 / len(names)),
        lambda count: caller.call(ECHO.url, count=count, parallel=1),
        lambda seen: {name: seen.clusters[name] for name in names},
        notes,
    )


@pytest.mark.requirement("LB-03")
@pytest.mark.sabotage.with_args(fixed_cluster_split)
@pytest.mark.disturbs
def test_the_share_follows_the_number_of_endpoints(
    source: Site, target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    others = len(stage.sites) - 2
    caller = stage.stranger(source)
    with target.scaled("echo", SAMPLE, 3):
        eventually(
            lambda: total_weight(source, stage),
            lambda weight: weight == 4 + others,
            what=f"{source.name} holds three endpoints of {target.name} and one of each other",
        )
        demand(
            Proportion(SAMPLES, 3 / (4 + others)),
            lambda count: caller.call(ECHO.url, count=count, parallel=1),
            lambda seen: {target.name: seen.clusters[target.name]},
            notes,
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
    caller = stage.stranger(cluster)
    eventually(
        lambda: caller.call(SPLIT.url, count=100),
        lambda seen: seen.ok and seen.versions[first] > LOPSIDED,
        what=f"callers in {cluster.name} are served by {first} more than {LOPSIDED} times of 100",
    )
    demand(
        Proportion(SAMPLES, 0.9),
        lambda count: caller.call(SPLIT.url, count=count, parallel=1),
        lambda seen: {first: seen.versions[first]},
        notes,
    )
