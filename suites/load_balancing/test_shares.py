"""Each cluster gets the share of requests that its endpoints or the rules give it."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from harness.converge import eventually
from harness.probes.caller import Caller
from harness.probes.claims import answered_by, from_each
from harness.probes.istiod import istiods
from harness.probes.proportion import Proportion, demand
from harness.probes.replies import Replies
from harness.probes.sidecar import outbound
from harness.sabotages.policy import (
    fixed_cluster_split,
    locality_preference,
    other_weights,
    rule_missing_in_one_primary,
    uneven_cluster_split,
)
from harness.workloads.places import LOCALITY_LABEL
from harness.workloads.site import Site
from harness.workloads.stage import (
    ECHO,
    HTTP_PORT,
    SAMPLE,
    SPLIT,
    Stage,
    instances_held,
    shares_of_split,
)

SAMPLES = 400
#: Of 100 calls: a 90/10 split has not more with probability 2.4e-8, no split has with 1.6e-5
#: (``Proportion.more_than``).
LOPSIDED = 70


@pytest.mark.requirement("LB-02")
@pytest.mark.sabotage.with_args(locality_preference, breaks="serve callers in")
@pytest.mark.sabotage.with_args(uneven_cluster_split, breaks="not by chance")
def test_clusters_get_equal_shares(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    names = [site.name for site in stage.sites]
    caller = stage.stranger(cluster)
    eventually(
        lambda: caller.call(ECHO.url, count=50),
        from_each(stage.apart(cluster), at_least=1),
        what=f"{names} serve callers in {cluster.name}",
    )
    for group in stage.apart(cluster):
        demand(
            Proportion(SAMPLES, len(group) / len(names)),
            lambda count: caller.call(ECHO.url, count=count, parallel=1),
            partial(by_group, group),
            notes,
        )


def by_group(group: Set[str], seen: Replies) -> dict[str, int]:
    """Return how many replies were those of a group of clusters."""
    return {" and ".join(sorted(group)): answered_by(group, seen)}


@pytest.mark.requirement("LB-03")
@pytest.mark.sabotage.with_args(fixed_cluster_split, breaks="not by chance")
@pytest.mark.disturbs
def test_the_share_follows_the_number_of_endpoints(
    sources: Sequence[Site], target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    with target.scaled("echo", SAMPLE, 3):
        for source in sources:
            eventually(
                partial(instances_held, source, stage),
                lambda held: held == {len(stage.sites) + 2},
                what=f"{source.name} holds three endpoints of {target.name} and one of each other",
            )
            demand_share(source, target, stage, notes)


@pytest.mark.requirement("LB-08")
@pytest.mark.sabotage.with_args(fixed_cluster_split, breaks="not by chance")
@pytest.mark.disturbs
def test_the_share_follows_the_endpoints_in_however_many_zones(
    sources: Sequence[Site], target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    with target.scaled("echo", SAMPLE, 3), a_zone_each(target) as zones:
        for source in sources:
            eventually(
                partial(zones_told, source, stage.stranger(source)),
                lambda told: told >= zones,
                what=f"{source.name} is told of endpoints of {target.name} in three zones",
            )
            demand_share(source, target, stage, notes)


def demand_share(source: Site, target: Site, stage: Stage, notes: Callable[[str], None]) -> None:
    """Demand that a target with three instances, and every other with one, get their shares."""
    group, caller = stage.together(source, target), stage.stranger(source)
    demand(
        Proportion(SAMPLES, (2 + len(group)) / (len(stage.sites) + 2)),
        lambda count: caller.call(ECHO.url, count=count, parallel=1),
        partial(by_group, group),
        notes,
    )


def zones_told(site: Site, caller: Caller) -> set[str]:
    """Return the zones in which a caller is told, be it by several istiods, that ``echo`` is.

    What it makes of that is not asked: an address that is told of in two zones it has in one.
    """
    asked = [istiod for plane in site.control_planes for istiod in istiods(plane)]
    proxy, name = f"{caller.pod}.{caller.namespace}", outbound(ECHO.fqdn, HTTP_PORT)
    told = [istiod.endpoints_of(proxy).get(name, ()) for istiod in asked]
    return {endpoint.zone for endpoints in told for endpoint in endpoints}


@contextmanager
def a_zone_each(site: Site) -> Iterator[set[str]]:
    """Let instances of ``echo`` say, while the body runs, that each is in a zone of its own."""
    zones = set()
    with ExitStack() as undo:
        for number, pod in enumerate(site.pods(SAMPLE, ECHO.name), start=1):
            zones.add(f"zone-{number}")
            label = {LOCALITY_LABEL: f"region-{site.name}.zone-{number}"}
            patch = {"metadata": {"labels": label}}
            undo.enter_context(site.patched("Pod", pod["metadata"]["name"], patch, SAMPLE))
        yield zones


@pytest.mark.requirement("LB-04")
@pytest.mark.sabotage.with_args(rule_missing_in_one_primary, breaks="more than")
@pytest.mark.sabotage.with_args(other_weights, breaks="not by chance")
def test_rules_act_on_the_merged_service(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    first = next(iter(shares_of_split(stage.sites)))
    caller = stage.stranger(cluster)
    eventually(
        lambda: caller.call(SPLIT.url, count=100),
        lambda seen: seen.ok and seen.versions[first] > LOPSIDED,
        what=f"callers in {cluster.name} are served by {first} more than {LOPSIDED} times of 100",
    )
    for version, weight in shares_of_split(stage.sites).items():
        demand(
            Proportion(SAMPLES, weight / 100),
            lambda count: caller.call(SPLIT.url, count=count, parallel=1),
            partial(counted, version),
            notes,
        )


def counted(version: str, seen: Replies) -> dict[str, int]:
    """Return how many replies were those of a version."""
    return {version: seen.versions[version]}
