"""Clusters that could be one mesh exchange nothing as long as nobody links them."""

from functools import partial
from itertools import permutations

import pytest

from harness.probes.claims import CALLS, always, only_from
from harness.sabotages.control_plane import different_root, other_mesh_id
from harness.sabotages.discovery import secrets_applied
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, Stage


@pytest.mark.requirement("OP-07")
@pytest.mark.sabotage.with_args(secrets_applied, breaks="is served at home alone")
@pytest.mark.sabotage.with_args(different_root, breaks="have no root in common")
@pytest.mark.sabotage.with_args(other_mesh_id, breaks="are of several meshes")
@pytest.mark.disturbs
def test_unlinked_clusters_exchange_no_traffic(source: Site, target: Site, stage: Stage) -> None:
    callers = [*stage.injected(source), *stage.injected(target)]
    held = [caller.sidecar.certificates() for caller in callers]
    wary = [one.leaf_uris for one, other in permutations(held, 2) if not one.trusts(other)]
    assert not wary, f"{source} and {target} have no root in common: {wary}"
    ids = {caller.sidecar.metadata()["MESH_ID"] for caller in callers}
    assert len(ids) == 1, f"{source} and {target} are of several meshes: {sorted(ids)}"
    for site in (source, target):
        always(
            partial(stage.stranger(site).call, ECHO.url, count=CALLS),
            only_from(site.name),
            what=f"whoever calls {ECHO.fqdn} in {site} is served at home alone",
        )
