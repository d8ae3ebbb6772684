"""The data plane goes on without any control plane."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest

from harness.converge import eventually
from harness.faults.rollout import without_istiod
from harness.probes.claims import from_each
from harness.sabotages.control_plane import short_certificates
from harness.sabotages.policy import mtls_disabled
from harness.workloads.site import governing
from harness.workloads.stage import BRIEF, SAMPLE, Stage

#: Requests per second from each cluster.
RATE = 10.0


@pytest.mark.requirement("CP-11")
@pytest.mark.sabotage.with_args(short_certificates, breaks="failed during the outage")
@pytest.mark.sabotage.with_args(mtls_disabled, on="same-network", breaks="mTLS is gone")
@pytest.mark.disturbs
def test_calls_succeed_while_every_istiod_is_down(
    stage: Stage,
    outage: float,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    known = {site.name: {site.name, *site.linked} for site in stage.sites}
    callers = {site.name: site.identity(SAMPLE, "probe-b") for site in stage.sites}
    for site in stage.sites:
        eventually(
            partial(stage.stranger(site).call, BRIEF.url, count=20),
            from_each(stage.apart(site), at_least=1),
            what=f"before the outage, {known[site.name]} answer callers in {site.name}",
        )
    with ExitStack() as undo:
        undo.enter_context(without_istiod(governing(stage.sites)))
        loads = {
            site.name: undo.enter_context(
                stage.stranger(site).load(BRIEF.url, rate=RATE, seconds=outage)
            )
            for site in stage.sites
        }
        ledgers = {name: load.ledger() for name, load in loads.items()}
    waits(outage)
    for name, ledger in ledgers.items():
        notes(f"{name}: {ledger}")
        assert ledger.sent >= 0.9 * RATE * outage, f"{name} could not send on schedule: {ledger}"
        assert not ledger.failed, f"calls from {name} failed during the outage: {ledger}"
        assert {*ledger.by_cluster} == known[name], f"other clusters answered {name}: {ledger}"
        seen = set(ledger.identities)
        assert seen == {callers[name]}, f"mTLS is gone for {name}: {ledger.identities}"
