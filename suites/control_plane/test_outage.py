"""The data plane goes on without any control plane."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest

from harness.converge import eventually
from harness.faults.rollout import without_istiod
from harness.model import Topology
from harness.probes.claims import from_each
from harness.sabotages.control_plane import short_certificates
from harness.workloads.stage import BRIEF, SAMPLE, Stage

#: Requests per second from each cluster.
RATE = 10.0


@pytest.mark.requirement("CP-11")
@pytest.mark.sabotage.with_args(short_certificates)
@pytest.mark.disturbs
def test_calls_succeed_while_every_istiod_is_down(
    stage: Stage,
    topology: Topology,
    outage: float,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    names = [site.name for site in stage.sites]
    caller = f"spiffe://{topology.trust_domain}/ns/{SAMPLE}/sa/probe-b"
    for site in stage.sites:
        eventually(
            partial(stage.stranger(site).call, BRIEF.url, count=20),
            from_each(names, at_least=1),
            what=f"before the outage, {names} answer callers in {site.name}",
        )
    with ExitStack() as undo:
        undo.enter_context(without_istiod(stage.sites))
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
        assert set(ledger.by_cluster) == set(names), f"{name}: {ledger}"
        assert set(ledger.identities) == {caller}, f"{name}: mTLS is gone: {ledger.identities}"
