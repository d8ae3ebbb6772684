"""Traffic stays where it is wanted, leaves when it must, and comes back."""

from collections.abc import Callable, Sequence

import pytest

from harness.converge import Budget, eventually
from harness.faults.instances import failing
from harness.probes.caller import Caller
from harness.probes.claims import Claim, always, from_others, only_from
from harness.probes.gateway import gateways
from harness.probes.paths import mark, peers_of
from harness.probes.replies import Replies
from harness.sabotages.discovery import no_remote_secret
from harness.sabotages.fabric import same_network_name_and_routes, services_not_exposed
from harness.sabotages.policy import foreign_fixed_value, long_ejection, no_outlier_detection
from harness.workloads.places import place_of
from harness.workloads.site import Site
from harness.workloads.stage import BRIEF, ECHO, EJECTION, NEAR, RANKED, SAMPLE, Stage


@pytest.mark.requirement("LF-01")
@pytest.mark.sabotage.with_args(no_outlier_detection, breaks="are nearest")
def test_callers_are_served_in_their_locality(cluster: Site, stage: Stage) -> None:
    caller = stage.stranger(cluster)
    nearest = nearest_instances(cluster, caller, stage)
    always(
        lambda: caller.call(NEAR.url, count=50),
        only_by(nearest),
        what=f"callers in {cluster.name} are served by the instances that are nearest: {nearest}",
    )


def nearest_instances(cluster: Site, caller: Caller, stage: Stage) -> set[str]:
    """Return the instances of the caller's zone; without one there, of its region; else all."""
    region, zone = place_of(cluster, caller.pod)
    places = {
        str(pod["metadata"]["name"]): place_of(site, str(pod["metadata"]["name"]))
        for site in stage.sites
        for pod in site.pods(SAMPLE, ECHO.name)
    }
    near = {name for name, place in places.items() if place == (region, zone)}
    return near or {name for name, place in places.items() if place[0] == region} or {*places}


def only_by(pods: set[str]) -> Claim:
    """Every call was answered 200, by one of ``pods``, and each of them answered."""
    return lambda seen: seen.ok and {*seen.pods} == pods


@pytest.mark.requirement("LF-05")
@pytest.mark.sabotage.with_args(long_ejection, breaks="has recovered")
@pytest.mark.sabotage.with_args(no_outlier_detection, breaks="others serve its callers")
@pytest.mark.disturbs
def test_traffic_returns_when_the_cluster_recovers(
    cluster: Site, stage: Stage, waits: Callable[[float], None]
) -> None:
    caller = stage.stranger(cluster)
    with failing(stage.echo(cluster), status=503):
        eventually(
            lambda: caller.call(NEAR.url, count=20),
            lambda replies: replies.ok and cluster.name not in replies.clusters,
            what=f"while {cluster.name} fails, others serve its callers",
        )
    waits(EJECTION)
    nearest = nearest_instances(cluster, caller, stage)
    always(
        lambda: caller.call(NEAR.url, count=50),
        only_by(nearest),
        what=f"{cluster.name} has recovered and serves its callers again",
        budget=Budget(timeout=EJECTION + 30, interval=0.2),
    )


@pytest.mark.requirement("LF-06")
@pytest.mark.sabotage.with_args(foreign_fixed_value, breaks="is healthy and serves")
@pytest.mark.sabotage.with_args(no_remote_secret, breaks="others serve its callers")
@pytest.mark.disturbs
def test_failover_priority_prefers_the_own_cluster(
    source: Site, targets: Sequence[Site], stage: Stage
) -> None:
    callers = stage.strangers(source)
    always(
        lambda: [caller.call(RANKED.url, count=50) for caller in callers],
        lambda samples: bool(samples) and all(map(only_from(source.name), samples)),
        what=f"{source.name} is healthy and serves its callers",
    )
    with source.scaled("echo", SAMPLE, 0):
        always(
            lambda: Replies(r for caller in callers for r in caller.call(RANKED.url, count=50)),
            from_others(source.name, *(stage.together(source, each) for each in targets)),
            what=f"without an instance in {source.name}, others serve its callers",
        )


@pytest.mark.requirement("LF-10")
@pytest.mark.sabotage.with_args(services_not_exposed, breaks="answer all 50 calls")
@pytest.mark.sabotage.with_args(same_network_name_and_routes, breaks="came past the gateways")
@pytest.mark.disturbs
def test_failover_to_another_network_takes_the_gateway(
    source: Site,
    targets: Sequence[Site],
    stage: Stage,
    observed: Callable[[str, str, str, int], None],
) -> None:
    word = mark()
    with source.scaled("echo", SAMPLE, 0):
        replies = always(
            lambda: stage.stranger(source).call(BRIEF.at(word), count=50),
            from_others(source.name, *(stage.together(source, each) for each in targets)),
            what=f"without an instance in {source.name}, others answer all 50 calls",
        )
    for target in targets:
        expected = {gateway.ip for site in stage.kin(target) for gateway in gateways(site)}
        count = replies.clusters[target.name]
        past = peers_of(target, SAMPLE, "echo", word, at_least=count) - expected
        assert not past, f"calls came past the gateways of {target.name}: {past}"
        observed(source.name, target.name, "gateway", count)
