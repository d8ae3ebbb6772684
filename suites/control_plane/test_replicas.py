"""Proxies find another replica of their control plane when one dies."""

import pytest

from harness.converge import Budget, eventually
from harness.faults.rollout import replicas
from harness.probes.claims import all_answered, always
from harness.probes.istiod import istiods
from harness.sabotages.control_plane import service_bound_to_one_pod, single_replica_unschedulable
from harness.sabotages.policy import older_rule_for_the_host
from harness.workloads.rules import aborting
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage

#: Seconds for a proxy to be on another replica; it may take twenty to ask for one.
MOVED = Budget(timeout=60, interval=0.2, slow=True)
STARTED = Budget(timeout=90, interval=0.2, slow=True)


@pytest.mark.requirement("CP-12")
@pytest.mark.sabotage.with_args(single_replica_unschedulable, breaks="two replicas")
@pytest.mark.sabotage.with_args(service_bound_to_one_pod, breaks="has moved")
@pytest.mark.sabotage.with_args(older_rule_for_the_host, breaks="new configuration lands")
@pytest.mark.disturbs
def test_a_proxy_moves_to_another_replica(cluster: Site, stage: Stage) -> None:
    home, caller, word = cluster.control_plane, stage.echo(cluster), cluster.name
    with replicas(home, home.shape.istiod, home.shape.system, 2):
        eventually(
            lambda: len(istiods(home)),
            lambda ready: ready == 2,
            what=f"the control plane of {cluster} has two replicas",
            budget=STARTED,
        )
        (serving, *_) = eventually(
            lambda: serving_of(cluster, f"{caller.pod}.{caller.namespace}"),
            bool,
            what=f"a replica serves {caller}",
        )
        home.kube.delete("Pod", serving, home.shape.system, grace=0)
        eventually(
            lambda: serving_of(cluster, f"{caller.pod}.{caller.namespace}"),
            lambda pods: bool(pods) and serving not in pods,
            what=f"{caller} has moved from {serving} to another replica",
            budget=MOVED,
        )
        rule = aborting(f"abort-{word}", SAMPLE, host=ECHO.fqdn, word=word)
        with cluster.config.applied(rule):
            always(
                lambda: caller.call(ECHO.url, count=10, headers={"x-probe": word}),
                all_answered(418),
                what=f"after the move of {caller}, new configuration lands",
            )


def serving_of(cluster: Site, proxy: str) -> list[str]:
    """Return the pods of a cluster's control plane on which a proxy is synced."""
    return [
        istiod.pod
        for istiod in istiods(cluster.control_plane)
        if any(each.id == proxy and each.synced for each in istiod.proxies())
    ]
