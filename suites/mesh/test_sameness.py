"""Within a mesh a name denotes one service, with the instances of all clusters."""

import pytest

from harness.probes.claims import CALLS, always
from harness.sabotages.discovery import cluster_local_host
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage


@pytest.mark.requirement("MM-01")
@pytest.mark.sabotage.with_args(cluster_local_host, breaks="answer callers in")
def test_the_instances_of_all_clusters_answer(cluster: Site, stage: Stage) -> None:
    instances = {
        pod["metadata"]["name"] for site in stage.sites for pod in site.pods(SAMPLE, "echo")
    }
    always(
        lambda: stage.stranger(cluster).call(ECHO.url, count=CALLS),
        lambda replies: replies.ok and {reply.pod for reply in replies} == instances,
        what=f"exactly {sorted(instances)} answer callers in {cluster.name}",
    )
