"""Another revision of a control plane takes over what is restarted for it, and nothing else."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace

import pytest

from harness.converge import Budget, eventually, pause
from harness.faults.upgrades import Upgrade
from harness.probes.istiod import proxies_of
from harness.sabotages.control_plane import in_place_install
from harness.workloads.site import Site
from harness.workloads.stage import BRIEF, ECHO, SAMPLE, Stage

REVISION = "next"
#: Calls per second from another workload, and the longest that all of it may take.
RATE, LONGEST = 10.0, 300.0
#: Seconds in which a proxy that could move by itself would have moved.
SETTLING = 5.0
MOVED = Budget(timeout=60, interval=0.5)


@pytest.mark.requirement("OP-06")
@pytest.mark.sabotage.with_args(in_place_install, breaks="have left the istiod that they had")
@pytest.mark.disturbs
def test_a_revision_takes_over_what_is_restarted(
    stage: Stage, upgrade: Upgrade, waits: Callable[[float], None], notes: Callable[[str], None]
) -> None:
    site = stage.primaries[0]
    caller = stage.stranger(site)
    everyone = {f"{each.pod}.{each.namespace}" for each in stage.injected(site)}
    before = eventually(
        lambda: governors(site),
        lambda seen: everyone <= seen.keys(),
        what=f"every proxy of {site} is connected to an istiod",
        budget=MOVED,
    )
    with caller.load(BRIEF.url, rate=RATE, seconds=LONGEST) as load:
        with upgrade.revision(site, REVISION) as shape, ExitStack() as undo:
            undo.callback(site.restart, ECHO.name, SAMPLE)
            undo.enter_context(upgrade.labelled(site, SAMPLE, shape))
            pause(SETTLING, why="who could move by himself has to have moved")
            waits(SETTLING)
            now = governors(site)
            left = sorted(name for name in everyone if now.get(name) != before[name])
            assert not left, (
                f"unasked, proxies of {site} have left the istiod that they had: {left}"
            )
            site.restart(ECHO.name, SAMPLE)
            moved = f"{site.caller(SAMPLE, ECHO.name).pod}.{SAMPLE}"
            eventually(
                lambda: governors(replace(site, shape=shape)),
                lambda taken: set(taken) == {moved},
                what=f"revision {REVISION} of {site} takes over {moved}, and nobody else",
                budget=MOVED,
            )
        ledger = load.stop()
    notes(str(ledger))
    assert not ledger.failed, f"calls failed while revisions changed: {ledger}"


def governors(site: Site) -> dict[str, str]:
    """Return the istiod pod that each proxy is connected to, by the proxy's name."""
    return {each.id: each.istiod for each in proxies_of(site) if each.cluster == site.name}
