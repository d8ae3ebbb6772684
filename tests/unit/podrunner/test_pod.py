"""A pod's life, told by its worker through the status that it writes."""

import signal
from collections.abc import Callable

import pytest

from harness.kube import Manifest
from harness.providers.podrunner.messages import ObjectChanged, PodRemoved, PodUpdated
from harness.providers.podrunner.probe_state import ProbeResult
from tests.unit.podrunner.conftest import RunningPod, World, container, pod

RunPod = Callable[[Manifest], RunningPod]
YES, NO = ProbeResult(ok=True), ProbeResult(ok=False, message="not yet")
HTTP = {"httpGet": {"port": 80}}


def test_a_plain_pod_is_ready_at_once(run_pod: RunPod) -> None:
    seen = run_pod(pod())
    assert seen.status["phase"] == "Running"
    assert seen.condition("Ready") == "True"
    assert seen.status["podIP"] == "10.9.0.2"
    assert len(seen.world.written) == 1


def test_a_pod_is_ready_when_its_probe_says_so(run_pod: RunPod, world: World) -> None:
    world.answers["main", "httpGet"] = NO
    seen = run_pod(pod(container(readinessProbe=HTTP)))
    assert (seen.status["phase"], seen.condition("Ready")) == ("Running", "False")
    world.answers["main", "httpGet"] = YES
    seen.advance(0.1)
    assert seen.condition("Ready") == "True"


def test_init_containers_go_one_by_one_before_the_work(run_pod: RunPod) -> None:
    seen = run_pod(pod(initContainers=[container("one"), container("two")]))
    assert (seen.starts("one"), seen.starts("two"), seen.starts("main")) == (1, 0, 0)
    assert seen.status["phase"] == "Pending"
    assert seen.container_status("main")["state"] == {"waiting": {"reason": "PodInitializing"}}
    seen.exit("one", 0)
    assert (seen.starts("two"), seen.starts("main")) == (1, 0)
    seen.exit("two", 0)
    assert seen.starts("main") == 1
    assert seen.condition("Initialized") == "True"


def test_a_failed_init_container_is_tried_again_with_back_off(run_pod: RunPod) -> None:
    seen = run_pod(pod(initContainers=[container("one")]))
    seen.exit("one", 1)
    assert seen.starts("one") == 2
    seen.exit("one", 1)
    assert seen.starts("one") == 2
    assert seen.container_status("one")["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    seen.advance(10)
    assert seen.starts("one") == 3


def test_a_sidecar_must_have_started_before_the_next_container(
    run_pod: RunPod, world: World
) -> None:
    world.answers["side", "httpGet"] = NO
    side = container("side", restartPolicy="Always", startupProbe=HTTP)
    seen = run_pod(pod(initContainers=[side, container("init")]))
    assert (seen.starts("side"), seen.starts("init")) == (1, 0)
    world.answers["side", "httpGet"] = YES
    seen.advance(0.1)
    assert seen.starts("init") == 1
    seen.exit("init", 0)
    assert seen.starts("main") == 1
    assert seen.condition("Ready") == "True"


def test_a_sidecar_that_ends_is_restarted_and_holds_up_nobody(run_pod: RunPod) -> None:
    seen = run_pod(pod(initContainers=[container("side", restartPolicy="Always")]))
    seen.exit("side", 0)
    assert (seen.starts("side"), seen.starts("main")) == (2, 1)
    assert seen.status["phase"] == "Running"
    assert seen.container_status("side")["restartCount"] == 1


def test_sidecars_end_after_the_work(run_pod: RunPod) -> None:
    sides = [container(name, restartPolicy="Always") for name in ("first", "second")]
    seen = run_pod(pod(initContainers=sides))
    seen.delete()
    assert seen.process("main").signals == [signal.SIGTERM]
    assert seen.process("second").signals == []
    seen.exit("main", 0)
    assert seen.process("second").signals == [signal.SIGTERM]
    assert seen.process("first").signals == []
    seen.exit("second", 0)
    assert seen.process("first").signals == [signal.SIGTERM]
    seen.exit("first", 0)
    assert seen.world.removed == ["u-1"]


def test_a_finished_job_ends_its_sidecars_and_succeeds(run_pod: RunPod) -> None:
    side = container("side", restartPolicy="Always")
    seen = run_pod(pod(initContainers=[side], restartPolicy="Never"))
    seen.exit("main", 0)
    assert seen.process("side").signals == [signal.SIGTERM]
    seen.exit("side", 143)
    assert seen.status["phase"] == "Succeeded"
    assert seen.world.networks == []
    assert seen.world.removed == []
    seen.delete()
    assert seen.world.removed == ["u-1"]


@pytest.mark.parametrize(
    ("policy", "code", "phase", "runs"),
    [
        ("Never", 0, "Succeeded", 1),
        ("Never", 3, "Failed", 1),
        ("OnFailure", 0, "Succeeded", 1),
        ("OnFailure", 3, "Running", 2),
        ("Always", 0, "Running", 2),
    ],
)
def test_the_restart_policy_decides(
    run_pod: RunPod, policy: str, code: int, phase: str, runs: int
) -> None:
    seen = run_pod(pod(restartPolicy=policy))
    seen.exit("main", code)
    assert (seen.status["phase"], seen.starts("main")) == (phase, runs)


def test_the_state_of_an_ended_container_tells_code_and_last_words(run_pod: RunPod) -> None:
    manifest = container(terminationMessagePolicy="FallbackToLogsOnError")
    seen = run_pod(pod(manifest, restartPolicy="Never"))
    seen.exit("main", 3)
    ended = seen.container_status("main")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert ended["message"] == "said something\n"


def test_a_restarted_container_remembers_its_last_state(run_pod: RunPod) -> None:
    seen = run_pod(pod())
    seen.exit("main", 137)
    told = seen.container_status("main")
    assert told["restartCount"] == 1
    assert told["lastState"]["terminated"]["exitCode"] == 137
    assert "running" in told["state"]


def test_back_off_doubles_up_to_five_minutes(run_pod: RunPod) -> None:
    seen = run_pod(pod())
    waits: list[float] = []
    for _ in range(8):
        before = seen.world.time.now
        seen.exit("main", 1)
        while seen.starts("main") == len(waits) + 1:
            seen.advance(1)
        waits.append(seen.world.time.now - before)
    assert waits == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_container_that_lived_long_is_forgiven(run_pod: RunPod) -> None:
    seen = run_pod(pod())
    seen.exit("main", 1)
    seen.advance(601)
    seen.exit("main", 1)
    assert seen.starts("main") == 3


def test_an_exit_of_an_earlier_run_is_not_heard(run_pod: RunPod) -> None:
    seen = run_pod(pod())
    first = seen.process("main")
    seen.exit("main", 1)
    first.on_exit(1)
    seen.advance()
    assert seen.starts("main") == 2


def test_failed_liveness_ends_and_restarts_the_container(run_pod: RunPod, world: World) -> None:
    probe = {**HTTP, "failureThreshold": 2, "periodSeconds": 5}
    world.answers["main", "httpGet"] = NO
    seen = run_pod(pod(container(livenessProbe=probe)))
    assert seen.process("main").signals == []
    seen.advance(5)
    assert seen.process("main").signals == [signal.SIGTERM]
    assert ("Killing", "Container main failed its livenessProbe") in world.events
    seen.advance(30)
    assert seen.process("main").signals == [signal.SIGTERM, signal.SIGKILL]
    seen.exit("main", 137)
    assert seen.starts("main") == 2


def test_liveness_is_not_asked_before_startup_has_passed(run_pod: RunPod, world: World) -> None:
    world.answers = {("main", "httpGet"): NO}
    manifest = container(startupProbe=HTTP, livenessProbe={"exec": {"command": ["x"]}})
    seen = run_pod(pod(manifest))
    assert seen.container_status("main")["started"] is False
    world.answers = {("main", "httpGet"): YES, ("main", "exec"): YES}
    seen.advance(1)
    assert seen.container_status("main")["started"] is True


def test_readiness_that_is_lost_is_told(run_pod: RunPod, world: World) -> None:
    world.answers["main", "httpGet"] = YES
    seen = run_pod(pod(container(readinessProbe={**HTTP, "periodSeconds": 1})))
    world.answers["main", "httpGet"] = NO
    for _ in range(3):
        assert seen.condition("Ready") == "True"
        seen.advance(1)
    assert seen.condition("Ready") == "False"
    assert ("Unhealthy", "Readiness probe failed: not yet") in world.events


def test_deletion_is_hook_then_term_then_kill(run_pod: RunPod, world: World) -> None:
    world.answers["main", "exec"] = YES
    hook = {"preStop": {"exec": {"command": ["drain"]}}}
    seen = run_pod(pod(container(lifecycle=hook)))
    seen.delete(grace=10)
    assert seen.process("main").signals == [signal.SIGTERM]
    seen.advance(9.9)
    assert seen.process("main").signals == [signal.SIGTERM]
    seen.advance(0.1)
    assert seen.process("main").signals == [signal.SIGTERM, signal.SIGKILL]
    seen.exit("main", 137)
    assert seen.status["phase"] == "Failed"
    assert world.removed == ["u-1"]
    assert seen.worker.done
    assert world.networks == []
    assert not (world.state / "pods" / "u-1").exists()


def test_a_sidecar_drains_while_the_work_still_answers(run_pod: RunPod, world: World) -> None:
    world.answers["side", "exec"] = YES
    hook = {"preStop": {"exec": {"command": ["drain"]}}}
    seen = run_pod(pod(initContainers=[container("side", restartPolicy="Always", lifecycle=hook)]))
    world.pending.clear()
    seen.worker.handle(PodUpdated(_deleted(seen.worker.pod, 10)))
    seen.worker.sync()
    assert len(world.pending) == 1, "its hook does not wait for its turn"
    seen.advance(5)
    assert seen.process("main").signals == [signal.SIGTERM]
    assert seen.process("side").signals == []
    seen.exit("main", 0)
    assert seen.process("side").signals == [signal.SIGTERM]


def test_a_hook_that_hangs_uses_up_the_grace(run_pod: RunPod, world: World) -> None:
    hook = {"preStop": {"exec": {"command": ["hang"]}}}
    seen = run_pod(pod(container(lifecycle=hook)))
    world.pending.clear()
    seen.worker.handle(PodUpdated(_deleted(seen.worker.pod, 10)))
    seen.worker.sync()
    hung, world.pending[:] = list(world.pending), []
    assert len(hung) == 1
    seen.advance(9)
    assert seen.process("main").signals == []
    seen.advance(1)
    assert seen.process("main").signals == [signal.SIGTERM]
    seen.advance(2)
    assert seen.process("main").signals == [signal.SIGTERM, signal.SIGKILL]


def test_a_shorter_grace_hurries_a_deletion(run_pod: RunPod, world: World) -> None:
    seen = run_pod(pod())
    seen.delete(grace=300)
    seen.advance(5)
    seen.delete(grace=0)
    assert seen.process("main").signals == [signal.SIGTERM, signal.SIGKILL]


def test_a_pod_that_vanished_is_ended_but_not_removed(run_pod: RunPod, world: World) -> None:
    seen = run_pod(pod())
    seen.worker.handle(PodRemoved())
    seen.advance()
    assert seen.process("main").signals == [signal.SIGTERM]
    seen.exit("main", 0)
    assert world.removed == []
    assert seen.worker.done


def test_a_pod_that_is_deleted_before_it_began_never_runs(run_pod: RunPod, world: World) -> None:
    seen = run_pod(_deleted(pod(), 30))
    assert seen.starts("main") == 0
    assert world.removed == ["u-1"]


def test_a_pod_that_is_over_is_not_run_again(run_pod: RunPod, world: World) -> None:
    over = pod()
    over["status"] = {"phase": "Succeeded"}
    seen = run_pod(over)
    assert seen.starts("main") == 0
    assert world.written == []


def test_an_unknown_image_says_what_there_is(run_pod: RunPod) -> None:
    seen = run_pod(pod(container(image="docker.io/library/nginx:1")))
    waiting = seen.container_status("main")["state"]["waiting"]
    assert waiting["reason"] == "ErrImagePull"
    assert "'docker.io/library/nginx:1'" in waiting["message"]
    assert "it has: app" in waiting["message"]


def test_a_missing_volume_source_is_awaited(run_pod: RunPod, world: World) -> None:
    seen = run_pod(pod(volumes=[{"name": "v", "configMap": {"name": "later"}}]))
    assert seen.starts("main") == 0
    assert (
        seen.container_status("main")["state"]["waiting"]["message"]
        == "configmap 'later' not found"
    )
    world.objects["ConfigMap", "later"] = {"data": {}}
    seen.worker.handle(ObjectChanged("ConfigMap", "later"))
    seen.advance()
    assert seen.starts("main") == 1


def test_a_missing_variable_source_is_awaited(run_pod: RunPod, world: World) -> None:
    reference = {"secretKeyRef": {"name": "later", "key": "k"}}
    seen = run_pod(pod(container(env=[{"name": "A", "valueFrom": reference}])))
    waiting = seen.container_status("main")["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    assert seen.worker.depends_on("Secret", "later")
    world.objects["Secret", "later"] = {"data": {"k": "dg=="}}
    seen.worker.handle(ObjectChanged("Secret", "later"))
    seen.advance()
    assert seen.process("main").config.env["A"] == "v"


def test_tokens_are_replaced_at_four_fifths_of_their_life(run_pod: RunPod, world: World) -> None:
    source = {"serviceAccountToken": {"path": "token", "audience": "a", "expirationSeconds": 600}}
    seen = run_pod(pod(volumes=[{"name": "v", "projected": {"sources": [source]}}]))
    token = world.state / "pods/u-1/volumes/v/token"
    assert token.read_text() == "a-1"
    seen.advance(479)
    assert token.read_text() == "a-1"
    assert seen.worker.next_sync() == pytest.approx(world.time.now + 1)
    seen.advance(1)
    assert token.read_text() == "a-2"


def test_a_token_that_cannot_be_had_is_asked_for_again(run_pod: RunPod, world: World) -> None:
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}
    seen = run_pod(pod(volumes=[{"name": "v", "projected": {"sources": [source]}}]))
    token = world.state / "pods/u-1/volumes/v/token"
    world.api_trouble = True
    seen.advance(480)
    assert token.read_text() == "-1"
    assert seen.worker.next_sync() == pytest.approx(world.time.now + 10)
    world.api_trouble = False
    seen.advance(10)
    assert token.read_text() == "-2"


def test_labels_in_a_volume_follow_the_pod(run_pod: RunPod, world: World) -> None:
    item = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    seen = run_pod(pod(volumes=[{"name": "v", "downwardAPI": {"items": [item]}}]))
    file = world.state / "pods/u-1/volumes/v/labels"
    assert file.read_text() == 'app="x"'
    meta = {**seen.worker.pod["metadata"], "labels": {"app": "y"}, "resourceVersion": "9"}
    seen.worker.handle(PodUpdated({**seen.worker.pod, "metadata": meta}))
    assert file.read_text() == 'app="y"'


def test_an_outdated_view_of_the_pod_is_not_taken_in(run_pod: RunPod) -> None:
    seen = run_pod(pod())
    old = _deleted(pod(), 30)
    old["metadata"]["resourceVersion"] = "0"
    seen.worker.handle(PodUpdated(old))
    seen.advance()
    assert seen.process("main").signals == []


def test_a_status_that_could_not_be_written_is_written_later(run_pod: RunPod, world: World) -> None:
    world.api_trouble = True
    seen = run_pod(pod())
    assert world.written == []
    world.api_trouble = False
    assert seen.worker.next_sync() == pytest.approx(world.time.now + 0.5)
    seen.advance(0.5)
    assert seen.condition("Ready") == "True"


def test_a_pod_is_removed_once_the_api_is_back(run_pod: RunPod, world: World) -> None:
    seen = run_pod(pod())
    seen.delete()
    world.api_trouble = True
    seen.exit("main", 0)
    assert not seen.worker.done
    world.api_trouble = False
    seen.advance(1)
    assert world.removed == ["u-1"]


def test_nothing_is_written_while_nothing_changes(run_pod: RunPod, world: World) -> None:
    seen = run_pod(pod())
    seen.advance(100)
    assert len(world.written) == 1
    assert seen.worker.next_sync() == float("inf")


def test_post_start_holds_back_the_containers_after_it(run_pod: RunPod, world: World) -> None:
    hook = {"postStart": {"exec": {"command": ["wait"]}}}
    manifest = pod(container("first", lifecycle=hook), container("second"))
    world.answers["first", "exec"] = YES
    worker = RunningPod(world, run_pod(manifest).worker)
    assert worker.starts("second") == 1
    assert worker.condition("Ready") == "True"


def test_a_failed_post_start_ends_the_container(run_pod: RunPod, world: World) -> None:
    hook = {"postStart": {"exec": {"command": ["wait"]}}}
    world.answers["main", "exec"] = NO
    seen = run_pod(pod(container(lifecycle=hook)))
    assert seen.process("main").signals == [signal.SIGTERM]
    assert ("FailedPostStartHook", "not yet") in world.events


def _deleted(manifest: Manifest, grace: int) -> Manifest:
    meta = {
        **manifest["metadata"],
        "deletionTimestamp": "now",
        "deletionGracePeriodSeconds": grace,
    }
    return {**manifest, "metadata": meta}
