"""What a control plane that two tenants share costs the one when the other is busy: a number."""

import time
from collections.abc import Callable
from statistics import median

import pytest

from harness.converge import Budget, NotConverged, eventually
from harness.faults.churn import churning
from harness.probes.claims import all_answered
from harness.workloads.rules import aborting
from harness.workloads.site import Site
from harness.workloads.stage import OTHER, TENANT, Stage

#: Objects that the busy tenant writes, and how often the other one's wait is measured.
OBJECTS, ROUNDS = 200, 10
PATIENCE = Budget(timeout=60, interval=0.02, firm=True)


@pytest.mark.requirement("TN-12")
@pytest.mark.disturbs
def test_churn_of_one_tenant_delays_another(
    cluster: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    quiet = [delay(cluster, stage, number) for number in range(ROUNDS)]
    with churning(cluster, OBJECTS):
        busy = [delay(cluster, stage, number) for number in range(ROUNDS)]
    notes(f"{cluster}: a rule is in force after {told(quiet)}; {told(busy)} while {OBJECTS} change")


def delay(site: Site, stage: Stage, number: int) -> float:
    """Return seconds until a rule of the other tenant is in force for its own caller."""
    word = f"delay-{number}"
    rule = aborting(word, OTHER, host=TENANT.fqdn, word=word)
    caller = stage.tenant(site)
    with site.config.applied(rule):
        began = time.monotonic()
        try:
            eventually(
                lambda: caller.call(TENANT.url, headers={"x-probe": word}),
                all_answered(418),
                what=f"a rule of the other tenant is in force in {site}",
                budget=PATIENCE,
            )
        except NotConverged:
            return PATIENCE.timeout
        return time.monotonic() - began


def told(delays: list[float]) -> str:
    """Say what is usual, and what is the worst."""
    return f"{median(delays):.2f} s (at most {max(delays):.2f} s)"
