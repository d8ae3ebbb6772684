"""Configuration stays within the primary that it was applied in."""

from collections.abc import Callable

import pytest

from harness.probes.claims import all_answered, always
from harness.sabotages.control_plane import proxies_on_other_istiod
from harness.sabotages.policy import rule_in_both_primaries
from harness.workloads.rules import aborting, pair_word
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage

#: Seconds for a rule to turn up where it does not belong, and calls per second meanwhile.
SETTLING = 5.0
RATE = 12.0


@pytest.mark.requirement("CM-02")
@pytest.mark.sabotage.with_args(rule_in_both_primaries, breaks="saw the rule")
@pytest.mark.sabotage.with_args(proxies_on_other_istiod, breaks="saw the rule")
def test_a_rule_of_one_primary_binds_its_own_clients_only(
    source: Site, target: Site, stage: Stage, waits: Callable[[float], None]
) -> None:
    word = pair_word(source, target)  # checks of other pairs may run beside this one
    marked = {"x-probe": word}
    with source.config.applied(aborting(f"abort-{word}", SAMPLE, host=ECHO.fqdn, word=word)):
        always(
            lambda: stage.echo(source).call(ECHO.url, count=10, headers=marked),
            all_answered(418),
            what=f"the rule of {source.name} binds its clients",
        )
        calls = stage.echo(target).load(ECHO.url, rate=RATE, seconds=SETTLING, headers=marked)
        with calls as load:
            elsewhere = load.ledger()
    waits(SETTLING)
    seen = [entry.status for entry in elsewhere.failed]
    assert 418 not in seen, f"clients of {target.name} saw the rule: {elsewhere}"
    assert not seen, f"clients of {target.name} were disturbed: {elsewhere}"
    assert elsewhere.ok >= 50, f"clients of {target.name} made too few calls: {elsewhere}"
