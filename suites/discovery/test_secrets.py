"""Endpoints of a cluster are known as long as there is a secret for it."""

from collections.abc import Callable

import pytest

from harness.converge import Budget, eventually
from harness.faults.remote_secrets import without_secret
from harness.probes.claims import always
from harness.probes.replies import Replies
from harness.sabotages.discovery import kubeconfig_file_left
from harness.sabotages.policy import deny_all
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, Stage, instances_held

#: Requests per second while a secret goes.
RATE = 10.0
#: Seconds for endpoints to go with their secret.
GONE = Budget(timeout=60, interval=0.2)
#: Longer than that: the load is stopped when its time has come.
LONGEST = 120.0


@pytest.mark.requirement("DS-07")
@pytest.mark.sabotage.with_args(kubeconfig_file_left, breaks="go with the secret")
@pytest.mark.sabotage.with_args(deny_all, breaks="fail while the secret goes")
@pytest.mark.disturbs
def test_endpoints_go_with_the_secret(
    source: Site, target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    caller, count = stage.stranger(source), len(stage.sites)
    others = [site for site in stage.sites if site.name != target.name]
    left = frozenset().union(*(stage.together(source, site) for site in others))
    eventually(
        lambda: instances_held(source, stage),
        lambda held: held == {count},
        what=f"callers in {source} hold an instance of each cluster",
    )
    with (
        caller.load(ECHO.url, rate=RATE, seconds=LONGEST) as load,
        without_secret(source, target),
    ):
        eventually(
            lambda: instances_held(source, stage),
            lambda held: held == {count - 1},
            what=f"for callers in {source}, endpoints of {target} go with the secret",
            budget=GONE,
        )
        ledger = load.stop()
        notes(f"while the secret goes: {ledger}")
        assert ledger.sent, f"nobody in {source} called anybody: {ledger}"
        assert not ledger.failed, f"calls from {source} fail while the secret goes: {ledger}"
        always(
            lambda: caller.call(ECHO.url, count=50),
            lambda replies: answered_within(replies, left),
            what=f"without the secret, only {sorted(left)} answer callers in {source}",
        )


def answered_within(replies: Replies, clusters: frozenset[str]) -> bool:
    """Say whether every call was answered, and by none but these clusters."""
    return replies.ok and clusters >= replies.clusters.keys()
