"""Remote secrets that are bad or change do no harm to what works."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from uuid import uuid4

import pytest

from harness.converge import Budget, eventually
from harness.faults.remote_secrets import Rotation, copied_secret, nobody, without_secret
from harness.faults.rollout import restart_istiod
from harness.probes.claims import all_answered, always, only_from
from harness.probes.istiod import istiods
from harness.sabotages.control_plane import timeout_disabled
from harness.sabotages.discovery import (
    STRANGER,
    delete_wait_recreate,
    kubeconfig_file_left,
    kubeconfigs_by_file,
)
from harness.sabotages.policy import deny_all, older_rule_for_the_host
from harness.workloads.rollout import Progress
from harness.workloads.rules import aborting
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage, instances_held, only

#: Seconds for an istiod that meets a bad secret to be ready.
READY = Budget(timeout=120, interval=0.5, slow=True)
#: Seconds that it waits for a cluster by default.
TIMEOUT = 30.0


@pytest.mark.requirement("CP-16")
@pytest.mark.sabotage.with_args(timeout_disabled, breaks="is ready within")
@pytest.mark.sabotage.with_args(deny_all, breaks="answers its own callers")
@pytest.mark.sabotage.with_args(older_rule_for_the_host, breaks="new configuration lands")
@pytest.mark.sabotage.with_args(kubeconfigs_by_file, breaks="as timed out")
@pytest.mark.disturbs
def test_istiod_starts_despite_a_bad_secret(
    cluster: Site, stage: Stage, waits: Callable[[float], None]
) -> None:
    home, word = cluster.control_plane, cluster.name
    shape = home.shape
    with copied_secret(cluster, STRANGER, server=nobody(cluster)):
        stamp = {"meshproof.io/restarted": uuid4().hex}
        template = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        home.kube.patch("Deployment", shape.istiod, template, shape.system)
        waits(TIMEOUT)
        eventually(
            lambda: Progress.of(home.kube.get("Deployment", shape.istiod, shape.system)),
            lambda seen: seen.complete,
            what=f"a new istiod of {cluster} is ready within {READY.timeout:g} s",
            budget=READY,
        )
        always(
            lambda: stage.stranger(cluster).call(only(cluster).url, count=50),
            only_from(cluster.name),
            what=f"despite the bad secret, {cluster} answers its own callers",
        )
        rule = aborting(f"abort-{word}", SAMPLE, host=ECHO.fqdn, word=word)
        with cluster.config.applied(rule):
            always(
                lambda: stage.echo(cluster).call(ECHO.url, count=10, headers={"x-probe": word}),
                all_answered(418),
                what=f"despite the bad secret, new configuration lands in {cluster}",
            )
        eventually(
            lambda: [{each.name: each.status for each in one.clusters()} for one in istiods(home)],
            lambda seen: bool(seen) and all(each.get(STRANGER) == "timeout" for each in seen),
            what=f"every istiod of {cluster} reports the cluster that is not there as timed out",
        )


#: Seconds for endpoints to go with their secret, and to come with it.
FOLLOWED = Budget(timeout=60, interval=0.2)


@pytest.mark.requirement("CP-20")
@pytest.mark.sabotage.with_args(kubeconfig_file_left, breaks="forget")
@pytest.mark.disturbs
def test_a_rotated_secret_is_withdrawn_at_once(
    source: Site, target: Site, stage: Stage, rotation: Rotation
) -> None:
    count = len(stage.sites)
    with ExitStack() as undo:
        undo.callback(restart_istiod, source.control_plane)  # what it missed, it misses for good
        with rotation.of(source, target):
            pass  # it is changed, and changed back
        with without_secret(source, target):
            eventually(
                lambda: instances_held(source, stage),
                lambda held: held == {count - 1},
                what=f"callers in {source} forget {target}, whose secret was withdrawn",
                budget=FOLLOWED,
            )
        eventually(
            lambda: instances_held(source, stage),
            lambda held: held == {count},
            what=f"callers in {source} know {target} again, whose secret is back",
            budget=FOLLOWED,
        )


#: How often is looked for errors once a secret was rotated, seconds for each, calls per second.
WINDOWS, WINDOW, RATE = 10, 2.0, 20.0


@pytest.mark.requirement("CP-17")
@pytest.mark.sabotage.with_args(delete_wait_recreate, breaks="after the rotation")
@pytest.mark.disturbs
def test_rotation_of_a_secret_interrupts_nothing(
    source: Site,
    target: Site,
    stage: Stage,
    rotation: Rotation,
    waits: Callable[[float], None],
    notes: Callable[[str], None],
) -> None:
    host, caller = only(target), stage.stranger(source)
    always(
        partial(caller.call, host.url, count=20),
        only_from(target.name),
        what=f"before the rotation, {target} answers callers in {source}",
    )
    seconds = WINDOWS * WINDOW + rotation.gap
    with caller.load(host.url, rate=RATE, seconds=seconds) as load, rotation.of(source, target):
        ledger = load.ledger()
    waits(seconds)
    notes(f"{ledger}")
    assert ledger.sent >= 0.9 * RATE * seconds, f"{source} could not send on schedule: {ledger}"
    windows = [ledger.between(WINDOW * number, WINDOW * (number + 1)) for number in range(WINDOWS)]
    failed = {number: f"{each}" for number, each in enumerate(windows) if each.failed}
    assert not failed, f"{target} fails callers in {source} after the rotation: {failed}"
