"""A pod's life at its edges: deleted while it starts, over its grace, back-off, last messages."""

import signal
from typing import Any

import pytest

from harness.kube import Manifest
from harness.providers.podrunner.messages import PodRemoved, PodUpdated
from harness.providers.podrunner.pod_worker import PodWorker
from harness.providers.podrunner.probe_state import ProbeResult
from tests.unit.podrunner.conftest import RunningPod, World, container, pod
from tests.unit.podrunner.test_pod import RunPod

YES, NO = ProbeResult(ok=True), ProbeResult(ok=False, message="not yet")
TERM, KILL = signal.SIGTERM, signal.SIGKILL
EXEC = {"exec": {"command": ["x"]}}


def sidecar(name: str, **more: object) -> Manifest:
    return container(name, restartPolicy="Always", **more)


def deletion(running: RunningPod, grace: int) -> PodUpdated:
    meta = {
        **running.worker.pod["metadata"],
        "deletionTimestamp": "now",
        "deletionGracePeriodSeconds": grace,
    }
    return PodUpdated({**running.worker.pod, "metadata": meta})


# Deleted while starting


def test_deletion_during_an_init_container_starts_nothing_more(
    run_pod: RunPod, world: World
) -> None:
    running = run_pod(pod(initContainers=[container("one"), container("two")]))
    running.delete()
    assert running.process("one").signals == [TERM]
    running.exit("one", 0)
    assert (running.starts("two"), running.starts("main")) == (0, 0)
    assert running.status["phase"] == "Failed"
    assert (world.removed, world.networks) == (["u-1"], [])


def test_deletion_while_a_volume_is_missing_needs_no_grace(run_pod: RunPod, world: World) -> None:
    running = run_pod(pod(volumes=[{"name": "v", "configMap": {"name": "later"}}]))
    assert world.networks == ["10.9.0.2"]
    running.delete()
    assert running.starts("main") == 0
    assert (world.removed, world.networks) == (["u-1"], [])
    assert not (world.state / "pods/u-1").exists()


def test_deletion_while_an_image_is_missing_needs_no_grace(run_pod: RunPod, world: World) -> None:
    running = run_pod(pod(container(image="nginx")))
    running.delete()
    assert running.worker.done
    assert world.removed == ["u-1"]


def test_deletion_during_back_off_does_not_wait_for_it(run_pod: RunPod, world: World) -> None:
    running = run_pod(pod())
    running.exit("main", 1)
    running.exit("main", 1)
    running.delete()
    assert running.starts("main") == 2
    assert world.removed == ["u-1"]


def test_deletion_during_post_start_does_not_wait_for_it(world: World) -> None:
    world.answers["first", "exec"] = YES
    manifest = pod(container("first", lifecycle={"postStart": EXEC}), container("second"))
    running = RunningPod(world, PodWorker(manifest, world.runtime))
    running.worker.sync()
    hanging, world.pending[:] = list(world.pending), []
    assert (len(hanging), running.starts("first"), running.starts("second")) == (1, 1, 0)
    running.worker.handle(deletion(running, 30))
    running.advance()
    assert running.process("first").signals == [TERM]
    hanging[0]()
    running.exit("first", 0)
    assert running.starts("second") == 0
    assert world.removed == ["u-1"]


def test_a_pod_that_vanished_while_starting_is_cleaned_up(run_pod: RunPod, world: World) -> None:
    running = run_pod(pod(volumes=[{"name": "v", "secret": {"secretName": "later"}}]))
    running.worker.handle(PodRemoved())
    running.advance()
    assert running.worker.done
    assert (world.removed, world.networks) == ([], [])


def test_a_network_that_cannot_be_had_is_tried_again(
    run_pod: RunPod, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError("no more links")

    with monkeypatch.context() as patch:
        patch.setattr(world, "set_up", refuse)
        running = run_pod(pod())
    waiting = running.container_status("main")["state"]["waiting"]
    assert waiting == {"reason": "ContainerCreating", "message": "no more links"}
    assert ("FailedCreatePodSandBox", "no more links") in world.events
    running.advance(2)
    assert running.condition("Ready") == "True"


# Restart policies


def test_a_failed_init_container_of_a_pod_that_never_restarts_fails_it(run_pod: RunPod) -> None:
    running = run_pod(pod(initContainers=[container("one")], restartPolicy="Never"))
    running.exit("one", 2)
    assert (running.starts("one"), running.starts("main")) == (1, 0)
    assert running.status["phase"] == "Failed"


def test_on_failure_restarts_those_that_failed_until_all_have_succeeded(run_pod: RunPod) -> None:
    running = run_pod(pod(container("good"), container("bad"), restartPolicy="OnFailure"))
    running.exit("good", 0)
    running.exit("bad", 1)
    assert (running.starts("good"), running.starts("bad")) == (1, 2)
    assert running.status["phase"] == "Running"
    running.exit("bad", 0)
    assert running.status["phase"] == "Succeeded"


def test_never_waits_for_every_container_and_one_failure_is_the_pods(run_pod: RunPod) -> None:
    running = run_pod(pod(container("good"), container("bad"), restartPolicy="Never"))
    running.exit("bad", 1)
    assert running.status["phase"] == "Running"
    running.exit("good", 0)
    assert running.status["phase"] == "Failed"


def test_a_containers_own_restart_policy_wins(run_pod: RunPod) -> None:
    running = run_pod(pod(container("main", restartPolicy="Never"), restartPolicy="Always"))
    running.exit("main", 0)
    assert running.starts("main") == 1
    assert running.status["phase"] == "Succeeded"


def test_back_off_begins_anew_after_a_long_run(run_pod: RunPod) -> None:
    running = run_pod(pod())
    for wait in (0, 10, 20):
        running.exit("main", 1)
        running.advance(wait)
    assert running.starts("main") == 4
    running.advance(600)
    running.exit("main", 1)
    assert running.starts("main") == 5, "the first restart after a long run is at once"
    running.exit("main", 1)
    running.advance(9)
    assert running.starts("main") == 5
    running.advance(1)
    assert running.starts("main") == 6, "the second one after the first delay, not a later one"


def test_back_off_is_not_forgotten_by_a_short_run(run_pod: RunPod) -> None:
    running = run_pod(pod())
    for wait in (0, 10):
        running.exit("main", 1)
        running.advance(wait)
    running.advance(599)
    running.exit("main", 1)
    running.advance(19)
    assert running.starts("main") == 3
    running.advance(1)
    assert running.starts("main") == 4


# Shutdown


def test_sidecars_are_not_waited_for_beyond_the_grace(run_pod: RunPod) -> None:
    running = run_pod(pod(initContainers=[sidecar("first"), sidecar("second")]))
    running.delete(grace=10)
    running.advance(9.9)
    assert running.process("second").signals == []
    running.advance(0.1)
    assert running.process("main").signals == [TERM, KILL]
    assert running.process("second").signals == [TERM]
    assert running.process("first").signals == [TERM]
    running.advance(1.9)
    assert running.process("first").signals == [TERM]
    running.advance(0.1)
    assert running.process("first").signals == [TERM, KILL]


def test_a_finished_jobs_sidecars_end_in_reverse_order(run_pod: RunPod) -> None:
    sides = [sidecar("first"), sidecar("second")]
    running = run_pod(pod(initContainers=sides, restartPolicy="OnFailure"))
    running.exit("main", 0)
    assert running.process("second").signals == [TERM]
    assert running.process("first").signals == []
    running.exit("second", 1)
    assert running.starts("second") == 1, "what is being ended is not restarted"
    assert running.process("first").signals == [TERM]
    running.exit("first", 0)
    assert running.status["phase"] == "Succeeded"


def test_containers_that_are_no_sidecars_get_the_signal_together(run_pod: RunPod) -> None:
    running = run_pod(pod(container("a"), container("b")))
    running.delete()
    assert running.process("a").signals == [TERM]
    assert running.process("b").signals == [TERM]


def test_liveness_is_not_probed_while_terminating_but_readiness_is(
    run_pod: RunPod, world: World
) -> None:
    world.answers |= {("main", "exec"): YES, ("main", "httpGet"): YES}
    probes: dict[str, Any] = {
        "livenessProbe": {**EXEC, "periodSeconds": 1},
        "readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 1, "failureThreshold": 1},
    }
    running = run_pod(pod(container(**probes)))
    running.delete()
    world.answers |= {("main", "exec"): NO, ("main", "httpGet"): NO}
    before = [kind for kind, _ in world.handled].count("exec")
    running.advance(5)
    assert [kind for kind, _ in world.handled].count("exec") == before
    assert running.condition("Ready") == "False"
    assert running.process("main").signals == [TERM]


def test_a_probe_result_of_an_earlier_run_is_not_counted(run_pod: RunPod, world: World) -> None:
    probe = {**EXEC, "failureThreshold": 1, "periodSeconds": 1}
    world.answers["main", "exec"] = YES
    running = run_pod(pod(container(livenessProbe=probe)))
    world.time.pass_(1)
    running.worker.sync()
    late, world.pending[:] = list(world.pending), []
    assert len(late) == 1
    running.exit("main", 1)
    assert running.starts("main") == 2
    world.answers["main", "exec"] = NO
    late[0]()
    running.worker.handle(running.worker._queue.get())
    running.worker.containers.advance()
    assert running.process("main").signals == []


# Last messages


def test_a_termination_message_is_the_file_before_the_log_and_not_too_long(
    run_pod: RunPod, world: World
) -> None:
    manifest = container(terminationMessagePolicy="FallbackToLogsOnError")
    running = run_pod(pod(manifest, restartPolicy="Never"))
    running.process("main").config.termination_message.write_bytes(b"x" * 5000)
    running.exit("main", 1)
    assert running.container_status("main")["state"]["terminated"]["message"] == "x" * 4096


def test_the_log_is_no_termination_message_unless_asked_for(run_pod: RunPod) -> None:
    running = run_pod(pod(restartPolicy="Never"))
    running.exit("main", 1)
    assert "message" not in running.container_status("main")["state"]["terminated"]
