"""One mesh spans several clusters."""

from collections.abc import Callable

import pytest

from harness.probes.claims import CALLS, always, from_each
from harness.sabotages.control_plane import other_mesh_id
from harness.sabotages.discovery import no_remote_secret
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, Stage


@pytest.mark.requirement("CM-01")
@pytest.mark.sabotage.with_args(no_remote_secret, breaks="answers callers in")
@pytest.mark.sabotage.with_args(other_mesh_id, breaks="several mesh ids")
def test_the_other_cluster_answers(
    source: Site,
    target: Site,
    stage: Stage,
    notes: Callable[[str], None],
    observed: Callable[[str, str, str, int], None],
) -> None:
    caller = stage.echo(source)
    replies = always(
        lambda: caller.call(ECHO.url, count=CALLS),
        from_each([stage.together(source, target)]),
        what=f"{target.name} answers callers in {source.name}",
    )
    for name, count in replies.clusters.items():
        observed(source.name, name, "sidecar", count)
    notes(f"{replies}")
    ids = {proxy.sidecar.metadata()["MESH_ID"] for s in stage.sites for proxy in stage.injected(s)}
    assert len(ids) == 1, f"proxies of one mesh carry several mesh ids: {sorted(ids)}"
