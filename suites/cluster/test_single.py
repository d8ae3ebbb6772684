"""A mesh of one cluster needs no gateway."""

from functools import partial

import pytest

from harness.probes.claims import always, served
from harness.probes.gateway import gateways
from harness.probes.injection import proxy_in
from harness.sabotages.policy import deny_all
from harness.sabotages.workloads import gateway_installed, no_injection
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, GRPC_PORT, OTHER, SAMPLE, TCP_PORT, Stage

#: Namespaces and apps that want a proxy.
CAST = ((SAMPLE, "echo"), (SAMPLE, "probe-b"), (OTHER, "probe"))


@pytest.mark.requirement("CM-06")
@pytest.mark.sabotage.with_args(no_injection, breaks="run without a proxy")
@pytest.mark.sabotage.with_args(gateway_installed, breaks="an east-west gateway runs")
@pytest.mark.sabotage.with_args(deny_all, breaks="is served by HTTP")
@pytest.mark.disturbs
def test_one_cluster_serves_without_gateways(cluster: Site, stage: Stage) -> None:
    pods = [pod for namespace, app in CAST for pod in cluster.pods(namespace, app)]
    names = {pod["metadata"]["labels"]["app"] for pod in pods}
    assert names == {app for _, app in CAST}, f"callers of {cluster} are missing: {names}"
    alone = [pod["metadata"]["name"] for pod in pods if not proxy_in(cluster, pod)]
    assert not alone, f"pods of {cluster} run without a proxy: {alone}"
    ways = [gateway.pod for gateway in gateways(cluster)]
    assert not ways, f"in {cluster} an east-west gateway runs: {ways}"
    host = f"{ECHO.name}.{ECHO.namespace}"
    for caller in stage.injected(cluster):
        always(
            partial(caller.call, ECHO.url, count=20),
            served,
            what=f"{caller} is served by HTTP",
        )
        always(
            partial(caller.tcp, host, TCP_PORT, count=20),
            served,
            what=f"{caller} is served by TCP",
        )
        always(
            partial(caller.grpc, host, GRPC_PORT, count=20),
            served,
            what=f"{caller} is served by gRPC",
        )
