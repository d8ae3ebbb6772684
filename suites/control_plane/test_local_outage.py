"""The outage of one control plane is felt by the workloads that it manages, and by no other."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Self

import pytest

from harness.converge import Budget, concurrently, eventually, pause
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
from harness.workloads.site import Site
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
#: Where the claims about the workloads of others can be broken.
OTHERS = "other-control-plane"


@pytest.mark.requirement("CP-10")
@pytest.mark.requirement("CP-14")
@pytest.mark.sabotage.with_args(shared_control_plane, on=OTHERS, breaks="takes effect there")
@pytest.mark.sabotage.with_args(injector_elsewhere, on=OTHERS, breaks="a new pod starts in")
@pytest.mark.sabotage.with_args(clients_proxies_elsewhere, on=OTHERS, breaks="though it is down")
@pytest.mark.sabotage.with_args(deny_all, breaks="failed during the outage")
@pytest.mark.sabotage.with_args(second_cluster_made_remote, on=OTHERS, breaks="lose updates")
@pytest.mark.sabotage.with_args(service_left, breaks="though it is down")
@pytest.mark.disturbs
def test_an_outage_is_felt_by_own_workloads_only(
    cluster: Site, stage: Stage, waits: Callable[[float], None], notes: Callable[[str], None]
) -> None:
    plane = cluster.control_plane
    reach = Reach.of(plane, stage)
    new = lent(plane)
    expect_forgotten(new, reach.everyone, stage)
    with ExitStack() as afterwards:
        with without_istiod([plane]), ExitStack() as undo:
            loads = {
                site.name: undo.enter_context(
                    stage.stranger(site).load(BRIEF.url, rate=RATE, seconds=LONGEST)
                )
                for site in stage.sites
            }
            news = everywhere(stage.sites, service(new.name, SAMPLE, app=ECHO.name))
            afterwards.enter_context(news)
            expect_all(
                partial(expect_losses, new, plane, reach),
                *(partial(expect_configuration, site, stage) for site in reach.elsewhere),
                *(partial(expect_newcomer, site) for site in reach.elsewhere),
            )
            waits(SETTLING)
            ledgers = {name: load.stop() for name, load in loads.items()}
        for site in stage.sites:
            expect_news(new, site, stage)
    notes(f"without {plane}, {len(reach.own)} of {len(reach.everyone)} proxies get no updates")
    for name, ledger in ledgers.items():
        notes(f"{name}: {ledger}")
        assert ledger.sent >= RATE * SETTLING, f"{name} called too seldom: {ledger}"
        assert not ledger.failed, f"calls from {name} failed during the outage: {ledger}"


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a control plane's outage concerns: callers by name, and clusters that it does not."""

    everyone: tuple[Caller, ...]
    own: frozenset[str]
    elsewhere: tuple[Site, ...]

    @classmethod
    def of(cls, plane: Site, stage: Stage) -> Self:
        """Return whom it concerns that ``plane`` manages alone, and where others manage."""
        serving = {site.name: {each.name for each in site.control_planes} for site in stage.sites}
        return cls(
            everyone=tuple(caller for site in stage.sites for caller in stage.injected(site)),
            own=frozenset(
                str(caller)
                for site in stage.sites
                for caller in stage.injected(site)
                if serving[site.name] == {plane.name}
            ),
            elsewhere=tuple(site for site in stage.sites if plane.name not in serving[site.name]),
        )


def expect_all(*claims: Callable[[], None]) -> None:
    """Judge claims side by side: the longer an istiod is away, the later its proxies look again."""
    concurrently(lambda claim: claim(), claims)


def expect_losses(host: Host, plane: Site, reach: Reach) -> None:
    """Wait until a control plane's proxies, all of them and nobody else, lack news of a Service."""
    always(
        partial(unaware, host, reach.everyone),
        reach.own.issuperset,
        what=f"without the control plane in {plane}, only its own proxies lose updates",
        budget=PUSHED,
    )
    pause(SETTLING, why="what is lost has to be more than late")
    lost = unaware(host, reach.everyone)
    assert lost == reach.own, f"proxies of {plane} get updates though it is down: {lost}"


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


def expect_forgotten(host: Host, callers: tuple[Caller, ...], stage: Stage) -> None:
    """Wait until no proxy knows of a Service that is gone: without istiod it would go on so."""
    if any(site.kube.find("Service", host.name, host.namespace) for site in stage.sites):
        return
    eventually(
        lambda: len(unaware(host, callers)),
        lambda count: count == len(callers),
        what=f"no proxy knows {host.fqdn}, which an earlier check may have made",
        budget=Budget(timeout=30, interval=0.2, firm=True),
    )


def unaware(host: Host, callers: tuple[Caller, ...]) -> set[str]:
    """Return the callers whose proxies know nothing of a Service."""
    return {str(caller) for caller in callers if not caller.sidecar.knows(host.fqdn, HTTP_PORT)}
