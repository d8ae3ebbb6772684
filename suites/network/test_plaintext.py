"""What no mTLS protects is not sent to other networks."""

from functools import partial

import pytest

from harness.probes.caller import Caller
from harness.probes.claims import CALLS, always
from harness.sabotages.policy import mtls_off_for_one_port, policy_in_one_cluster
from harness.workloads.rules import everywhere, peer_authentication
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, GRPC_PORT, HTTP_PORT, SAMPLE, TCP_PORT, Stage

PORTS = (HTTP_PORT, TCP_PORT, GRPC_PORT)


@pytest.mark.requirement("NM-12")
@pytest.mark.sabotage.with_args(mtls_off_for_one_port, breaks="on every port")
@pytest.mark.sabotage.with_args(policy_in_one_cluster, breaks="without mTLS")
@pytest.mark.disturbs
def test_endpoints_without_mtls_stay_local(source: Site, target: Site, stage: Stage) -> None:
    caller, ways = stage.stranger(source), {address for address, _ in stage.ways_into(target)}
    near = {site.name for site in stage.kin(source)}
    always(
        lambda: {port: held(caller, port) & ways for port in PORTS},
        lambda seen: all(seen.values()),
        what=f"with mTLS, callers in {source} hold {target} on every port",
    )
    disabled = peer_authentication("disabled", SAMPLE, "DISABLE", app=ECHO.name)
    with everywhere(stage.sites, disabled):
        always(
            partial(caller.call, ECHO.url, count=CALLS),
            lambda replies: replies.ok and replies.clusters.keys() <= near,
            what=f"without mTLS, callers in {source} are served on their own network alone",
        )


def held(caller: Caller, port: int) -> set[str]:
    """Return the addresses that a caller holds for a port of the merged service, with mTLS."""
    endpoints = caller.sidecar.endpoints(ECHO.fqdn, port)
    return {endpoint.address for endpoint in endpoints if endpoint.tls_mode}
