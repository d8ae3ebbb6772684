"""Traffic stays where it is wanted, leaves when it must, and comes back."""

from collections.abc import Callable

import pytest

from harness.converge import Budget, eventually
from harness.faults.instances import failing
from harness.probes.claims import always, only_from
from harness.probes.gateway import gateways
from harness.probes.paths import mark, peers_of
from harness.sabotages.fabric import services_not_exposed
from harness.sabotages.policy import foreign_fixed_value, long_ejection, no_outlier_detection
from harness.workloads.site import Site
from harness.workloads.stage import BRIEF, EJECTION, NEAR, RANKED, SAMPLE, Stage


@pytest.mark.requirement("LF-01")
@pytest.mark.sabotage.with_args(no_outlier_detection)
def test_callers_are_served_in_their_locality(cluster: Site, stage: Stage) -> None:
    replies = always(
        lambda: stage.stranger(cluster).call(NEAR.url, count=50),
        only_from(cluster.name),
        what=f"callers in {cluster.name} are served there, 50 times of 50",
    )
    zones = {zone_of(cluster, pod) for pod in replies.pods}
    assert zones == {zone_of(cluster, stage.stranger(cluster).pod)}, f"zones {zones}"


def zone_of(site: Site, pod: str) -> tuple[str, str]:
    """Return region and zone of the node that a pod of namespace ``sample`` runs on."""
    node = site.kube.get("Pod", pod, SAMPLE)["spec"]["nodeName"]
    labels = site.kube.get("Node", node)["metadata"]["labels"]
    prefix = "topology.kubernetes.io/"
    return labels.get(f"{prefix}region", ""), labels.get(f"{prefix}zone", "")


@pytest.mark.requirement("LF-05")
@pytest.mark.sabotage.with_args(long_ejection)
@pytest.mark.disturbs
def test_traffic_returns_when_the_cluster_recovers(
    source: Site, target: Site, stage: Stage, waits: Callable[[float], None]
) -> None:
    caller = stage.stranger(source)
    with failing(stage.echo(source), status=503):
        eventually(
            lambda: caller.call(NEAR.url, count=20),
            lambda replies: replies.ok and source.name not in replies.clusters,
            what=f"while {source.name} fails, others serve its callers",
        )
        assert target.name != source.name
    waits(EJECTION)
    always(
        lambda: caller.call(NEAR.url, count=50),
        only_from(source.name),
        what=f"{source.name} has recovered and serves its callers again",
        budget=Budget(timeout=EJECTION + 30, interval=0.2),
    )


@pytest.mark.requirement("LF-06")
@pytest.mark.sabotage.with_args(foreign_fixed_value)
@pytest.mark.disturbs
def test_failover_priority_prefers_the_own_cluster(
    source: Site, target: Site, stage: Stage
) -> None:
    caller = stage.stranger(source)
    always(
        lambda: caller.call(RANKED.url, count=50),
        only_from(source.name),
        what=f"{source.name} is healthy and serves its callers",
    )
    with source.scaled("echo", SAMPLE, 0):
        always(
            lambda: caller.call(RANKED.url, count=50),
            lambda replies: replies.ok and target.name in replies.clusters,
            what=f"without an instance in {source.name}, others serve its callers",
        )


@pytest.mark.requirement("LF-10")
@pytest.mark.sabotage.with_args(services_not_exposed)
@pytest.mark.disturbs
def test_failover_to_another_network_takes_the_gateway(
    source: Site,
    target: Site,
    stage: Stage,
    observed: Callable[[str, str, str, int], None],
) -> None:
    expected = {gateway.ip for gateway in gateways(target)}
    word = mark()
    with source.scaled("echo", SAMPLE, 0):
        replies = always(
            lambda: stage.stranger(source).call(BRIEF.at(word), count=50),
            lambda replies: replies.ok and source.name not in replies.clusters,
            what=f"without an instance in {source.name}, others answer all 50 calls",
        )
    count = replies.clusters[target.name]
    peers = peers_of(target, SAMPLE, "echo", word, at_least=count)
    assert peers <= expected, f"peers {sorted(peers)}, gateways {sorted(expected)}"
    observed(source.name, target.name, "gateway", count)
