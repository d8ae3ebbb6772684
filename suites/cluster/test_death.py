"""When a whole cluster dies, others serve its share."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

import pytest

from harness.converge import Budget, concurrently, eventually
from harness.model import Lab
from harness.probes.claims import always, from_each, from_others
from harness.probes.load import Ledger
from harness.providers.base import CanPauseNode
from harness.sabotages.discovery import no_remote_secret
from harness.sabotages.policy import no_outlier_detection
from harness.workloads.echo import service
from harness.workloads.rules import everywhere
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, SPARING, Host, Stage, lent

#: Seconds that a caller waits for an answer, and until the dead must be ejected: ten for the
#: connection that does not come about, and one for the next round of the outlier detection.
DEADLINE = 5.0
EJECTION = 11.0
#: Longer than Envoy's 10 s to connect: a call that is given up before tells it nothing; seconds.
FAILING = 12.0
EJECTED = Budget(timeout=45, interval=0.2, slow=True)
RETURNED = Budget(timeout=60, interval=0.2, slow=True)
#: Calls per second, and seconds, once they are.
RATE, SECONDS, SHARE = 40.0, 5.0, 0.99


@pytest.mark.requirement("CM-04")
@pytest.mark.sabotage.with_args(no_remote_secret, breaks="while it lives")
@pytest.mark.sabotage.with_args(no_outlier_detection, breaks="is ejected")
@pytest.mark.disturbs
def test_traffic_fails_over_when_a_cluster_dies(
    sources: Sequence[Site],
    target: Site,
    stage: Stage,
    lab: Lab,
    provider: CanPauseNode,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    for source in sources:
        always(
            partial(stage.stranger(source).call, SPARING.url, count=50, timeout=DEADLINE),
            from_each(stage.apart(source), at_least=5),
            what=f"{target} answers callers in {source} while it lives",
        )
    with ExitStack() as undo:
        for node in target.plan.nodes:
            undo.enter_context(provider.node_paused(lab, cluster=target.name, node=node.name))
        ledgers = concurrently(partial(after_ejection, target, stage), sources)
    expect_return(stage, lent(target))
    waits(EJECTION + SECONDS)
    for source, ledger in zip(sources, ledgers, strict=True):
        notes(f"{source}: {ledger}")
        assert ledger.sent >= 0.9 * RATE * SECONDS, f"{source} could not send in time: {ledger}"
        assert ledger.share >= SHARE, f"under {SHARE:.0%} of calls of {source} are served: {ledger}"


def after_ejection(target: Site, stage: Stage, source: Site) -> Ledger:
    """Wait until a cluster that has died is no longer called; return a load's ledger from then."""
    caller = stage.stranger(source)
    eventually(
        lambda: caller.call(SPARING.url, count=10, parallel=10, timeout=FAILING),
        from_others(target.name),
        what=f"for callers in {source}, {target} is ejected when it is dead",
        budget=EJECTED,
    )
    with caller.load(SPARING.url, rate=RATE, seconds=SECONDS, timeout=DEADLINE) as load:
        return load.ledger()


def expect_return(stage: Stage, new: Host) -> None:
    """Wait until every control plane hears of every cluster again: its connections were silent."""
    with everywhere(stage.sites, service(new.name, SAMPLE, app=ECHO.name)):
        for site in stage.sites:
            eventually(
                partial(stage.stranger(site).call, new.url, count=50, timeout=DEADLINE),
                from_each(stage.apart(site), at_least=5),
                what=f"when all clusters live again, they serve {new.fqdn} to callers in {site}",
                budget=RETURNED,
            )
