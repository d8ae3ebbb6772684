"""Different networks have no direct path between pods: checked first, believed afterwards."""

from collections.abc import Callable
from functools import partial

import pytest

from harness.probes.claims import always, none_from, served, unanswered
from harness.sabotages.fabric import (
    clusterip_gateway,
    gateway_scaled_to_zero,
    routes_between_networks,
)
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, SAMPLE, Stage


@pytest.mark.requirement("NM-03")
@pytest.mark.sabotage.with_args(routes_between_networks, breaks="reaches pod")
def test_pods_do_not_reach_pods_of_another_network(
    source: Site, target: Site, stage: Stage, waits: Callable[[float], None]
) -> None:
    caller = stage.bare(source)
    near = source.pods(SAMPLE, "echo")[0]["status"]["podIP"]
    twin = caller.connect(near, AGENT_PORT, count=3)
    assert twin.ok, f"a pod of {source.name} does not even reach its own network: {twin}"
    own = {pod["status"].get("podIP") for pod in source.kube.list("Pod")}
    for app in ("bare", "echo"):
        far = target.pods(SAMPLE, app)[0]["status"]["podIP"]
        if far in own:  # of equal ranges: somebody else is there, and says who
            across = caller.call(f"http://{far}:{AGENT_PORT}/", count=3, timeout=1.0)
            apart = none_from(target.name)
        else:
            across, apart = caller.connect(far, AGENT_PORT, count=3, timeout=1.0), unanswered
        assert apart(across), f"{source.name} reaches pod {far} of {target.name}: {across}"
    waits(2.0)


@pytest.mark.requirement("NM-08")
@pytest.mark.sabotage.with_args(clusterip_gateway, breaks="no external address")
@pytest.mark.sabotage.with_args(gateway_scaled_to_zero, breaks="connects to")
@pytest.mark.disturbs
def test_the_gateway_is_reachable_from_the_other_network(
    source: Site, target: Site, stage: Stage
) -> None:
    ways = stage.ways_into(target)
    assert ways, f"the gateways of {target.network} have no external address"
    for gateway, port in sorted(ways):
        always(
            partial(stage.bare(source).connect, gateway, port, count=3),
            served,
            what=f"a pod of {source.name} connects to {gateway}:{port}",
        )
