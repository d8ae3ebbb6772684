"""What cannot be reached in one cluster is tried in another."""

from collections.abc import Callable

import pytest

from harness.converge import eventually
from harness.probes.caller import Caller
from harness.probes.claims import CALLS, always, from_others
from harness.probes.sidecar import outbound
from harness.sabotages.policy import no_retries
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, DEAD_PORT, HTTP_PORT, SAMPLE, Host, Stage, retried


@pytest.mark.requirement("LF-11")
@pytest.mark.sabotage.with_args(no_retries, breaks="somebody answers all")
def test_failed_connects_are_retried_in_the_other_cluster(
    source: Site, target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    # One call at a time: under load, an instance that refuses at once looks the least busy.
    caller, host = stage.stranger(source), retried(source)
    dead = {(pod["status"]["podIP"], DEAD_PORT) for pod in source.pods(SAMPLE, "bare")}
    alive = {(pod["status"]["podIP"], AGENT_PORT) for pod in target.pods(SAMPLE, "echo")}
    eventually(
        lambda: {(e.address, e.port) for e in caller.sidecar.endpoints(host.fqdn, HTTP_PORT)},
        lambda held: dead | alive <= held,
        what=f"callers in {source.name} hold a dead instance there, another in {target.name}",
    )
    before = failed_connects(caller, host)
    always(
        lambda: caller.call(host.url, count=CALLS, parallel=1),
        from_others(source.name, {target.name}),
        what=f"elsewhere than in {source.name}, somebody answers all {CALLS} calls from there",
    )
    failed = failed_connects(caller, host) - before
    assert failed, f"no call from {source.name} met the dead instance, so nothing was retried"
    notes(f"{failed} failed connects from {source.name}")


def failed_connects(caller: Caller, host: Host) -> int:
    """Return how often the caller's proxy could not connect to an instance of ``host``."""
    name = outbound(host.fqdn, HTTP_PORT).replace("|", r"\|").replace(".", r"\.")
    return sum(caller.sidecar.stats(rf"^cluster\.{name};?\.upstream_cx_connect_fail$").values())
