"""A change can be tried on the clients of one cluster, and touches nobody else."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from harness.probes.claims import all_answered, always
from harness.sabotages.policy import older_rule_for_the_host, rule_in_both_primaries
from harness.workloads.rules import aborting, word_of
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage

#: Seconds for a rule to turn up where it does not belong, and calls per second meanwhile.
SETTLING = 5.0
RATE = 12.0
CANARY = 418


@pytest.mark.requirement("OP-04")
@pytest.mark.sabotage.with_args(older_rule_for_the_host, breaks="meet the canary there")
@pytest.mark.sabotage.with_args(rule_in_both_primaries, breaks="though it is none of theirs")
@pytest.mark.disturbs
def test_a_canary_touches_the_clients_of_one_cluster(
    source: Site,
    targets: Sequence[Site],
    stage: Stage,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    word = word_of(source)
    marked = {"x-probe": word}
    canary = aborting(f"canary-{word}", SAMPLE, host=ECHO.fqdn, word=word)
    bound = {site.name for site in stage.sites if site.config.name == source.config.name}
    with ExitStack() as undo:
        undo.enter_context(source.config.applied(canary))
        always(
            lambda: stage.echo(source).call(ECHO.url, count=10, headers=marked),
            all_answered(CANARY),
            what=f"clients of {source} meet the canary there",
        )
        loads = {
            site.name: undo.enter_context(
                stage.echo(site).load(ECHO.url, rate=RATE, seconds=SETTLING, headers=marked)
            )
            for site in stage.sites
        }
        ledgers = {name: load.ledger() for name, load in loads.items()}
    waits(SETTLING)
    met = {
        name: sum(entry.status == CANARY for entry in ledger.entries)
        for name, ledger in ledgers.items()
    }
    for name in ledgers.keys() - bound:
        assert not met[name], (
            f"clients of {name} meet the canary though it is none of theirs: {met}"
        )
    sent = {name: ledger.sent for name, ledger in ledgers.items()}
    for target in targets:
        assert sent[target.name] >= 0.9 * RATE * SETTLING, f"{target} made too few calls: {sent}"
    expected = sum(sent[name] for name in bound)
    assert sum(met.values()) == expected, f"the canary affects another share than {source}'s: {met}"
    notes(f"the canary affects {sum(met.values())} of {sum(sent.values())} requests")
