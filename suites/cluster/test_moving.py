"""Traffic can be moved away from a cluster, and comes back."""

from collections.abc import Sequence
from functools import partial

import pytest

from harness.probes.claims import CALLS, always, from_each, only_from
from harness.sabotages.discovery import secret_name_mismatch
from harness.sabotages.workloads import troubled_cluster_empty
from harness.workloads.rules import destination_rule, everywhere, virtual_service
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage, by_cluster


@pytest.mark.requirement("CM-05")
@pytest.mark.sabotage.with_args(secret_name_mismatch, breaks="is moved to")
@pytest.mark.sabotage.with_args(troubled_cluster_empty, breaks="comes back")
@pytest.mark.disturbs
def test_traffic_is_moved_away_and_comes_back(
    sources: Sequence[Site], target: Site, stage: Stage
) -> None:
    refuge, troubled = target, ", ".join(map(str, sources))
    there = {"destination": {"host": ECHO.fqdn, "subset": refuge.name}}
    subsets = destination_rule("moved", SAMPLE, host=ECHO.fqdn, subsets=by_cluster(stage.sites))
    moved = virtual_service("moved", SAMPLE, hosts=[ECHO.fqdn], http=[{"route": [there]}])
    with everywhere(stage.sites, subsets, moved):
        for site in stage.sites:
            always(
                partial(stage.stranger(site).call, ECHO.url, count=CALLS),
                only_from(refuge.name),
                what=f"away from {troubled}, traffic of {site} is moved to {refuge}",
            )
    for site in stage.sites:
        always(
            partial(stage.stranger(site).call, ECHO.url, count=CALLS),
            from_each(stage.apart(site)),
            what=f"once it may, traffic of {site} comes back to every cluster",
        )
