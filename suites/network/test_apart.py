"""Networks stay apart by name: whether their addresses overlap, and whether packets could pass."""

from collections.abc import Callable
from functools import partial

import pytest

from harness.converge import eventually
from harness.model import Lab
from harness.probes.claims import CALLS, always, only_from, served
from harness.probes.gateway import gateways
from harness.probes.paths import mark, peers_of
from harness.providers.base import CanCapture
from harness.sabotages.fabric import route_removed, same_network_name
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, SAMPLE, Stage, only


@pytest.mark.requirement("NM-06")
@pytest.mark.sabotage.with_args(same_network_name, breaks="is the one that answers")
@pytest.mark.disturbs
def test_networks_may_overlap_in_addresses(
    source: Site, target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    shared = "in common" if source.plan.overlaps(target.plan) else "of their own"
    notes(f"{source} and {target} have ranges {shared}")
    for site in (source, target):
        always(
            partial(stage.stranger(source).call, only(site).url, count=CALLS),
            only_from(site.name),
            what=f"when callers in {source} ask for {site}, it is the one that answers",
        )


@pytest.mark.requirement("GW-09")
@pytest.mark.sabotage.with_args(route_removed, breaks="reaches the other network")
@pytest.mark.sabotage.with_args(same_network_name, breaks="take the direct path")
@pytest.mark.disturbs
def test_gateways_are_taken_where_a_direct_path_exists(
    source: Site,
    target: Site,
    stage: Stage,
    lab: Lab,
    provider: CanCapture,
    observed: Callable[[str, str, str, int], None],
) -> None:
    servers = {pod["status"]["podIP"] for pod in target.pods(SAMPLE, "echo")}
    direct = partial(stage.bare(source).connect, min(servers), AGENT_PORT, count=3)
    always(
        direct,
        served,
        what=f"without a proxy, a pod of {source} reaches the other network's pod of {target}",
    )
    host, word, entrances = only(target), mark(), stage.entrances(source, target)
    with provider.capture(lab) as wire:
        replies = stage.stranger(source).call(host.at(word), count=40)
        flows = eventually(
            wire.flows,
            lambda seen: any(flow.target in entrances | servers for flow in seen),
            what=f"calls from {source} show on the wire",
        )
    past = [f"{flow}" for flow in flows if flow.target in servers]
    assert not past, f"calls from {source} to {target} take the direct path: {past[:5]}"
    assert only_from(target.name)(replies), f"calls from {source} go astray: {replies}"
    expected = {gateway.ip for site in stage.kin(target) for gateway in gateways(site)}
    peers = peers_of(target, SAMPLE, "echo", word, at_least=len(replies))
    assert peers <= expected, f"servers of {target} see others than gateways: {peers - expected}"
    observed(source.name, target.name, "gateway", len(replies))
