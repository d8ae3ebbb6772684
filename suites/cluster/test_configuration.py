"""Configuration stays within the primary that it was applied in."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from harness.converge import concurrently
from harness.probes.claims import all_answered, always
from harness.probes.load import Ledger
from harness.sabotages.control_plane import proxies_on_other_istiod
from harness.sabotages.policy import rule_in_both_primaries
from harness.workloads.rules import aborting, word_of
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage

#: Seconds for a rule to turn up where it does not belong, and calls per second meanwhile.
SETTLING = 5.0
RATE = 12.0


@pytest.mark.requirement("CM-02")
@pytest.mark.sabotage.with_args(rule_in_both_primaries, breaks="saw the rule")
@pytest.mark.sabotage.with_args(proxies_on_other_istiod, breaks="saw the rule")
def test_a_rule_of_one_primary_binds_its_own_clients_only(
    source: Site, targets: Sequence[Site], stage: Stage, waits: Callable[[float], None]
) -> None:
    word = word_of(source)  # checks of other clusters may run beside this one
    marked = {"x-probe": word}
    with source.config.applied(aborting(f"abort-{word}", SAMPLE, host=ECHO.fqdn, word=word)):
        always(
            lambda: stage.echo(source).call(ECHO.url, count=10, headers=marked),
            all_answered(418),
            what=f"the rule of {source.name} binds its clients",
        )
        ledgers = concurrently(partial(marked_calls, word, stage), targets)
    waits(SETTLING)
    for target, elsewhere in zip(targets, ledgers, strict=True):
        seen = [entry.status for entry in elsewhere.failed]
        assert 418 not in seen, f"clients of {target.name} saw the rule: {elsewhere}"
        assert not seen, f"clients of {target.name} were disturbed: {elsewhere}"
        assert elsewhere.ok >= 50, f"clients of {target.name} made too few calls: {elsewhere}"


def marked_calls(word: str, stage: Stage, site: Site) -> Ledger:
    """Make calls from a cluster that rules with ``word`` are for, for a while."""
    marked = {"x-probe": word}
    calls = stage.echo(site).load(ECHO.url, rate=RATE, seconds=SETTLING, headers=marked)
    with calls as load:
        return load.ledger()
