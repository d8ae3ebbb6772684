"""Where instances of a Service are in several zones and regions, calls go as near as they can."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from harness.converge import eventually
from harness.faults.instances import failing
from harness.probes.claims import Claim, always
from harness.probes.proportion import Proportion, demand
from harness.probes.replies import Replies
from harness.sabotages.locality import (
    local_out_of_place,
    other_target_region,
    subset_pinned,
    weights_changed,
    zone_in_other_region,
)
from harness.workloads.places import HERE, LAST, REGION, ZONE, Places, place_of, placed
from harness.workloads.site import Site
from harness.workloads.stage import Stage

#: Shares of the calls in percent, the rest of ``REGION`` being none.
WEIGHTS = {HERE: 70, ZONE: 20, REGION: 0, LAST: 10}
SAMPLES = 500


@pytest.fixture
def places(cluster: Site, stage: Stage) -> Iterator[Places]:
    """Instances around one caller, whose region fails over to the second one."""
    caller = stage.stranger(cluster)
    places = Places(cluster, caller, *place_of(cluster, caller.pod))
    with placed(places), cluster.config.applied(places.rule(places.failover(REGION))):
        yield places


@pytest.fixture
def weighted(places: Places) -> Iterator[Places]:
    """The same instances, which get shares of the calls by their places."""
    with places.site.config.applied(places.rule(places.distribution(WEIGHTS))):
        yield places


@pytest.mark.requirement("LF-02")
@pytest.mark.sabotage.with_args(local_out_of_place, breaks="in their own zone")
@pytest.mark.sabotage.with_args(zone_in_other_region, breaks="in the next zone")
def test_failover_goes_to_another_zone_first(places: Places) -> None:
    always(
        partial(look, places),
        only_at(HERE),
        what=f"callers in {places.site} are served in their own zone",
    )
    with drained(places, HERE):
        always(
            partial(look, places),
            only_at(ZONE),
            what=f"without the own zone, callers in {places.site} are served in the next zone",
        )


@pytest.mark.requirement("LF-03")
@pytest.mark.sabotage.with_args(other_target_region, breaks="in the region that failover names")
def test_failover_goes_to_the_region_that_is_named(places: Places) -> None:
    with drained(places, HERE, ZONE):
        always(
            partial(look, places),
            only_at(REGION),
            what=f"callers in {places.site} are served in the region that failover names",
        )


@pytest.mark.requirement("LF-04")
@pytest.mark.sabotage.with_args(subset_pinned, breaks="in the last region")
def test_failover_ends_in_the_last_region(places: Places) -> None:
    with drained(places, HERE, ZONE, REGION):
        always(
            partial(look, places),
            only_at(LAST),
            what=f"callers in {places.site} are served in the last region",
        )


@pytest.mark.requirement("LF-07")
@pytest.mark.sabotage.with_args(weights_changed, breaks="not by chance")
def test_a_distribution_is_honoured(weighted: Places, notes: Callable[[str], None]) -> None:
    caller, host = weighted.caller, weighted.host
    eventually(
        lambda: caller.call(host.url, count=100),
        lambda seen: seen.ok and seen.versions[LAST] > 0,
        what=f"callers in {weighted.site} are served in the last region, too",
    )
    for place, weight in WEIGHTS.items():
        demand(
            Proportion(SAMPLES, weight / 100),
            lambda count: caller.call(host.url, count=count, parallel=1),
            partial(counted, place),
            notes,
        )


def look(places: Places) -> Replies:
    """Call ten times, one after the other."""
    return places.caller.call(places.host.url, count=10, parallel=1)


def only_at(place: str) -> Claim:
    """Every call was answered 200, at one place."""
    return lambda seen: seen.ok and {*seen.versions} == {place}


@contextmanager
def drained(places: Places, *names: str) -> Iterator[None]:
    """Let the instances at some places fail while the body runs."""
    with ExitStack() as undo:
        for name in names:
            undo.enter_context(failing(places.instance(name), status=503))
        yield


def counted(place: str, seen: Replies) -> dict[str, int]:
    """Return how many replies came from a place."""
    return {place: seen.versions[place]}
