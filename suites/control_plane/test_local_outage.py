"""The outage of one control plane is felt by the workloads that it manages, and by no other."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from time import monotonic

import pytest

from harness.converge import Budget, eventually, pause
from harness.faults.rollout import replicas, without_istiod
from harness.probes.caller import Caller
from harness.probes.claims import all_answered, always
from harness.sabotages.control_plane import (
    clients_proxies_elsewhere,
    injector_elsewhere,
    second_cluster_made_remote,
    shared_control_plane,
)
from harness.sabotages.discovery import service_left
from harness.sabotages.policy import deny_all
from harness.workloads.echo import service
from harness.workloads.rules import aborting, everywhere
from harness.workloads.site import Site, governing
from harness.workloads.stage import BRIEF, ECHO, HTTP_PORT, OTHER, SAMPLE, TENANT, Host, Stage, lent

#: Requests per second from each cluster while a control plane is down.
RATE = 10.0
#: Seconds for configuration to take effect and for a new pod to start: a proxy that has lost its
#: istiod may take twenty to ask for another.
PUSHED = Budget(timeout=30, interval=0.2, slow=True)
STARTED = Budget(timeout=60, interval=0.2, slow=True)
#: Seconds for news to reach those whom they must not, and the longest that all of it may take.
#: The longer an istiod is away, the longer its proxies wait before they look for it again.
SETTLING, LONGEST = 3.0, 300.0


@pytest.mark.requirement("CP-10")
@pytest.mark.sabotage.with_args(shared_control_plane, breaks="takes effect there")
@pytest.mark.sabotage.with_args(injector_elsewhere, breaks="a new pod starts in")
@pytest.mark.sabotage.with_args(clients_proxies_elsewhere, breaks="still get updates")
@pytest.mark.sabotage.with_args(deny_all, breaks="failed during the outage")
@pytest.mark.disturbs
def test_an_outage_is_felt_by_own_workloads_only(
    source: Site,
    target: Site,
    stage: Stage,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    new = lent(source)
    expect_forgotten(new, (source, target), stage)
    with ExitStack() as afterwards:
        with without_istiod([source.control_plane]), ExitStack() as undo:
            loads = {
                site.name: undo.enter_context(
                    stage.stranger(site).load(BRIEF.url, rate=RATE, seconds=LONGEST)
                )
                for site in (source, target)
            }
            expect_configuration(target, stage)
            news = everywhere([source, target], service(new.name, SAMPLE, app=ECHO.name))
            afterwards.enter_context(news)
            expect_news(new, target, stage)
            told_at = monotonic()
            expect_newcomer(target)
            left = max(0.0, SETTLING - (monotonic() - told_at))
            pause(left, why="news have to arrive where they must not")
            waits(left)
            everyone = {str(caller) for caller in stage.injected(source)}
            told = everyone - unaware(new, stage.injected(source))
            assert not told, f"without istiod of {source}, its workloads still get updates: {told}"
            ledgers = {name: load.stop() for name, load in loads.items()}
        expect_news(new, source, stage)
    for name, ledger in ledgers.items():
        notes(f"{name}: {ledger}")
        assert ledger.sent >= RATE * SETTLING, f"{name} called too seldom: {ledger}"
        assert not ledger.failed, f"calls from {name} failed during the outage: {ledger}"


def expect_configuration(site: Site, stage: Stage) -> None:
    """Wait until a rule that is new binds callers in a cluster."""
    word = site.name
    with site.config.applied(aborting(f"abort-{word}", SAMPLE, host=ECHO.fqdn, word=word)):
        always(
            lambda: stage.echo(site).call(ECHO.url, count=10, headers={"x-probe": word}),
            all_answered(418),
            what=f"where istiod is up, configuration of {site} takes effect there",
            budget=PUSHED,
        )


def expect_newcomer(site: Site) -> None:
    """Wait until one more pod, with a proxy, is ready."""
    with replicas(site, TENANT.name, OTHER, 2):
        eventually(
            lambda: len(site.pods(OTHER, TENANT.name)),
            lambda ready: ready == 2,
            what=f"where istiod is up, a new pod starts in {site}",
            budget=STARTED,
        )


def expect_news(host: Host, site: Site, stage: Stage) -> None:
    """Wait until every proxy of a cluster knows of a Service."""
    eventually(
        lambda: unaware(host, stage.injected(site)),
        lambda missing: not missing,
        what=f"where istiod is up, proxies of {site} learn of {host.fqdn}",
        budget=PUSHED,
    )


def expect_forgotten(host: Host, sites: Sequence[Site], stage: Stage) -> None:
    """Wait until no proxy knows of a Service that is gone: without istiod it would go on so."""
    if any(site.kube.find("Service", host.name, host.namespace) for site in sites):
        return
    callers = tuple(caller for site in sites for caller in stage.injected(site))
    eventually(
        lambda: len(unaware(host, callers)),
        lambda count: count == len(callers),
        what=f"no proxy knows {host.fqdn}, which an earlier check may have made",
        budget=Budget(timeout=30, interval=0.2, firm=True),
    )


def unaware(host: Host, callers: tuple[Caller, ...]) -> set[str]:
    """Return the callers whose proxies know nothing of a Service."""
    return {str(caller) for caller in callers if not caller.sidecar.knows(host.fqdn, HTTP_PORT)}


@pytest.mark.requirement("CP-14")
@pytest.mark.sabotage.with_args(
    second_cluster_made_remote, on="other-control-plane", breaks="lose updates"
)
@pytest.mark.sabotage.with_args(service_left, breaks="though it is down")
@pytest.mark.disturbs
def test_a_control_plane_that_stops_takes_its_own_share_only(
    stage: Stage, waits: Callable[[float], None], notes: Callable[[str], None]
) -> None:
    for plane in governing(stage.sites):
        new = lent(plane)
        everyone = tuple(caller for site in stage.sites for caller in stage.injected(site))
        expect_forgotten(new, stage.sites, stage)
        managed = {
            str(caller)
            for site in stage.sites
            for caller in stage.injected(site)
            if {each.name for each in site.control_planes} == {plane.name}
        }
        with ExitStack() as afterwards:
            with without_istiod([plane]):
                news = everywhere(stage.sites, service(new.name, SAMPLE, app=ECHO.name))
                afterwards.enter_context(news)
                always(
                    partial(unaware, new, everyone),
                    managed.issuperset,
                    what=f"without the control plane in {plane}, only its own proxies lose updates",
                    budget=PUSHED,
                )
                pause(SETTLING, why="what is lost has to be more than late")
                waits(SETTLING)
                lost = unaware(new, everyone)
                assert lost == managed, f"proxies of {plane} get updates though it is down: {lost}"
            for site in stage.sites:
                expect_news(new, site, stage)
        notes(f"without {plane}, {len(lost)} of {len(everyone)} proxies get no updates")
