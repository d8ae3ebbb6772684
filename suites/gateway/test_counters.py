"""What crosses between networks goes through gateways, all of it, and is counted there."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import pytest

from harness.converge import Budget, eventually
from harness.model import Lab
from harness.probes.claims import always, answered_by, from_each, none_from, only_from
from harness.probes.gateway import gateways, programmed, ways_in
from harness.probes.wire import through, trespasses
from harness.providers.base import CanCapture
from harness.sabotages.fabric import (
    clusterip_gateway,
    label_dropped,
    same_network_name_and_routes,
)
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, TCP_PORT, Stage, only

#: A gateway that is told to stop goes on for as long as Istio's terminationDrainDuration says:
#: 5 s by default, and Kubernetes sends to it while nothing else is ready.
DRAIN = 5.0
#: Seconds for an answer that cannot come.
IN_VAIN = 1.0


def connections(sites: Iterable[Site]) -> int:
    """Return how many connections the gateways of some clusters have opened to ``echo``."""
    name = ECHO.sni(TCP_PORT)
    pattern = rf"cluster\.{name}\.upstream_cx_total"
    found = [gateway for site in sites for gateway in gateways(site)]
    return sum(sum(gateway.counters(pattern).values()) for gateway in found)


@pytest.mark.requirement("GW-01")
@pytest.mark.sabotage.with_args(same_network_name_and_routes, breaks="count exactly")
@pytest.mark.disturbs
def test_the_gateway_counts_every_connection(
    source: Site,
    target: Site,
    stage: Stage,
    observed: Callable[[str, str, str, int], None],
) -> None:
    observed(source.name, target.name, "gateway", counted(source, target, stage))


@pytest.mark.requirement("GW-11")
@pytest.mark.sabotage.with_args(label_dropped, breaks="answers")
@pytest.mark.sabotage.with_args(clusterip_gateway, breaks="is programmed")
@pytest.mark.disturbs
def test_a_gateway_of_the_gateway_api_serves_east_west(
    source: Site, target: Site, stage: Stage
) -> None:
    for site in stage.gated(target):
        always(
            partial(addresses, site),
            lambda seen: bool(seen[0]) and seen[0] == seen[1],
            what=f"the Gateway of {site} is programmed, with the addresses of its Service",
        )
    counted(source, target, stage)


def addresses(site: Site) -> tuple[set[str], set[str]]:
    """Return which addresses a cluster's Gateway says that it has, and those of its Service."""
    return programmed(site), {address for address, _ in ways_in(site)}


def counted(source: Site, target: Site, stage: Stage) -> int:
    """Claim that gateways count the connections of a sample; return how many cross."""
    call = partial(stage.stranger(source).tcp, f"{ECHO.name}.{ECHO.namespace}", TCP_PORT)
    group, kin = stage.together(source, target), stage.kin(target)
    both = from_each([group], at_least=5)
    always(partial(call, count=60), both, what=f"{target.name} answers {source.name}")
    before = connections(kin)
    replies = call(count=60)
    assert both(replies), f"the sample that counts is not answered by {target.name}: {replies}"
    crossed = answered_by(group, replies)
    always(
        lambda: connections(kin) - before,
        lambda counted: counted == crossed,
        what=f"gateways of {target.network} count exactly {crossed} connections from {source}",
        budget=Budget(timeout=15, interval=0.5),
    )
    return crossed


@pytest.mark.requirement("GW-02")
@pytest.mark.sabotage.with_args(same_network_name_and_routes, breaks="between networks")
@pytest.mark.disturbs  # rather, is disturbed: packets of refused calls are on the wire as well
def test_only_gateway_traffic_is_on_the_wire(
    source: Site,
    target: Site,
    stage: Stage,
    lab: Lab,
    provider: CanCapture,
    notes: Callable[[str], None],
) -> None:
    entrances = stage.entrances(source, target)
    with provider.capture(lab) as wire:
        replies = stage.stranger(source).call(only(target).url, count=40)
        flows = eventually(
            wire.flows,
            lambda seen: through(entrances, seen) or bool(trespasses(lab.plan, seen)),
            what=f"calls from {source.name} show on the wire",
        )
    assert only_from(target.name)(replies), f"calls from {source.name} go astray: {replies}"
    wrong = trespasses(lab.plan, flows)
    strays = [str(flow) for flow in wrong[:5]]
    assert not wrong, f"on the wire between networks is more than the plan allows: {strays}"
    assert through(entrances, flows), (
        f"nothing went to {entrances}, yet calls were answered: {replies}"
    )
    notes(f"{len(flows)} flows, {sum(flow.packets for flow in flows)} packets between networks")


@pytest.mark.requirement("GW-03")
@pytest.mark.sabotage.with_args(same_network_name_and_routes, breaks="answers nobody in")
@pytest.mark.disturbs
def test_without_the_gateway_there_is_no_path(
    sources: Sequence[Site],
    target: Site,
    stage: Stage,
    waits: Callable[[float], None],
) -> None:
    host = only(target)
    with ExitStack() as undo:
        for site in stage.gated(target):
            undo.enter_context(without_gateway(site))
        for source in sources:
            caller = stage.stranger(source)
            always(
                partial(caller.call, host.url, count=10, parallel=10, timeout=IN_VAIN),
                lambda replies: not replies.served,
                what=f"without its gateway, {target.name} answers nobody in {source.name}",
            )
            merged = caller.call(ECHO.url, count=20, parallel=20, timeout=IN_VAIN)
            assert none_from(target.name)(merged), f"{target.name} is still called: {merged}"
            assert merged.clusters[source.name], f"{source.name} does not serve its own: {merged}"
        waits(DRAIN)
    for source in sources:
        always(
            partial(stage.stranger(source).call, host.url, count=10, timeout=2.0),
            only_from(target.name),
            what=f"with its gateway, {target.name} answers callers in {source.name} again",
        )


@contextmanager
def without_gateway(site: Site) -> Iterator[None]:
    """Run the body while a cluster has no pod of its gateway; they drain for a while first."""
    shape = site.shape
    with site.scaled(shape.gateway, shape.gateway_namespace, 0):
        site.emptied(shape.gateway_namespace, shape.gateway_pods)
        yield
