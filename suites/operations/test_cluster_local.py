"""A service can be kept within its cluster while others stay merged."""

import pytest

from harness.probes.claims import always, from_each, only_from
from harness.sabotages.discovery import cluster_local_host, host_typo
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, LOCAL, Stage


@pytest.mark.requirement("OP-01")
@pytest.mark.sabotage.with_args(host_typo, breaks="is served in")
@pytest.mark.sabotage.with_args(cluster_local_host, breaks="stays merged")
def test_a_cluster_local_service_is_served_at_home(cluster: Site, stage: Stage) -> None:
    caller = stage.stranger(cluster)
    always(
        lambda: caller.call(LOCAL.url, count=50),
        only_from(cluster.name),
        what=f"{LOCAL.fqdn}, cluster-local, is served in {cluster.name} alone",
    )
    always(
        lambda: caller.call(ECHO.url, count=100),
        from_each(stage.apart(cluster)),
        what=f"{ECHO.fqdn} stays merged for callers in {cluster.name}",
    )
