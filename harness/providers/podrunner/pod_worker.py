"""A pod worker: one thread per pod that syncs it from being bound to being deleted."""

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

from harness.converge import pause
from harness.kube import Manifest
from harness.model import ApiError, HarnessError
from harness.providers.podrunner import pod_api
from harness.providers.podrunner.lifecycle import Waiting, pod_finished
from harness.providers.podrunner.messages import Message, ObjectChanged, PodRemoved, PodUpdated
from harness.providers.podrunner.object_cache import Unavailable
from harness.providers.podrunner.pod_containers import PodContainers
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.runtime import Runtime
from harness.providers.podrunner.status import PodSnapshot, pod_status

#: Seconds until a sandbox that could not be created is tried again, if no watch tells sooner;
#: until a status that could not be written is written again.
_RETRY = 2.0
_STATUS_RETRY = 0.5
_NEVER = float("inf")
_TERMINAL = ("Succeeded", "Failed")
#: The reason of the event, and of each container's waiting, when a field is refused.
UNSUPPORTED = "UnsupportedPodSpec"


@dataclass(frozen=True, slots=True)
class PodTermination:
    """The pod has been terminating since then (monotonic seconds), with that much grace."""

    since: float
    grace: float


class PodWorker:
    """Runs one pod. :meth:`enqueue` is for any thread, the rest for the pod's own."""

    def __init__(self, pod: Manifest, runtime: Runtime) -> None:
        self.pod = pod
        self.done = False
        self._runtime = runtime
        self._queue: Queue[Message] = Queue()
        self._sandbox = PodSandbox(
            pod, runtime.config, runtime.networks, runtime.objects, runtime.clock
        )
        self.containers = PodContainers(pod, self._sandbox, runtime, self.enqueue)
        self._start_time = runtime.clock.wall()
        self._refused: frozenset[str] = frozenset()
        self._warned_of: frozenset[str] = frozenset()
        self._sandbox_created = False
        self._sandbox_error: Waiting | None = None
        self._create_sandbox_at = 0.0
        self._termination: PodTermination | None = None
        self._removed = False
        self._terminated = pod.get("status", {}).get("phase") in _TERMINAL
        self._reported: Manifest | None = None
        self._report_at = 0.0

    def enqueue(self, message: Message) -> None:
        """Tell the pod something."""
        self._queue.put(message)

    def depends_on(self, kind: str, name: str) -> bool:
        """Say whether a ConfigMap or Secret of the pod's namespace concerns the pod."""
        waits = any(status.waiting is not None for status in self.containers.statuses)
        refers = (kind, name) in self._sandbox.volumes.references
        return refers or self._sandbox_error is not None or waits

    def is_running(self, container: str) -> bool:
        """Say whether a container runs now."""
        return any(item.running for item in self.containers.statuses if item.name == container)

    def log(self, container: str, *, previous: bool) -> Path | None:
        """Return the log of a container's latest run or the one before it."""
        runs = {status.name: status.runs for status in self.containers.statuses}
        wanted = runs.get(container, 0) - previous
        return self._sandbox.log(container, wanted) if wanted > 0 else None

    def start(self) -> None:
        """Run the pod on a thread of its own."""
        name = str(self.pod["metadata"]["name"])
        Thread(target=self._run, name=f"pod-{name}", daemon=True).start()

    def _run(self) -> None:
        while not self.done:
            try:
                self.sync()
                if not self.done:
                    self._wait()
            except Exception:  # noqa: BLE001 - a defect of ours must not leave a pod unattended
                self._report_defect(traceback.format_exc())

    def _report_defect(self, what: str) -> None:
        sys.stderr.write(what)
        sys.stderr.flush()
        self._runtime.events.warning(self.pod, "NodeDefect", what[-1000:])
        pause(_RETRY, why="a defect must not become a busy loop")

    def _wait(self) -> None:
        wait = self.next_sync() - self._runtime.clock.now()
        try:
            # A bound, because a thread cannot wait for ever and be woken by time as well.
            self.handle(self._queue.get(timeout=max(0.0, min(wait, 3600.0))))
            while True:
                self.handle(self._queue.get_nowait())
        except Empty:
            return

    def handle(self, message: Message) -> None:
        """Take in a message."""
        if isinstance(message, PodUpdated):
            self._pod_updated(message.pod)
        elif isinstance(message, PodRemoved):
            self._removed = True
        elif isinstance(message, ObjectChanged):
            self._object_changed(message)
        else:
            self.containers.handle(message)

    def sync(self) -> None:
        """Do everything that is due now."""
        self._check_deletion()
        if self._terminated:
            self._finish_deletion()
            return
        if self._termination is None:
            self._sync_running()
        if self._termination is not None:
            self.containers.terminate_all(self._termination.since, self._termination.grace)
        self.containers.advance()
        if self._sandbox_created:
            self._update_volumes(self._sandbox.volumes.refresh_tokens)
        if self._termination is not None and self.containers.idle:
            self._finish_termination()
        else:
            self._report_status()

    def next_sync(self) -> float:
        """Return the (monotonic) time at which something is due."""
        now = self._runtime.clock.now()
        times = [self._report_at or _NEVER]
        if self._terminated:
            return times[0]
        if self._termination is None and not self._sandbox_created:
            times.append(self._create_sandbox_at)
        if self._sandbox_created:
            times += [self.containers.next_due(), now + self._sandbox.volumes.refresh_in()]
        return min(times)

    # Running

    def _sync_running(self) -> None:
        if not self._sandbox_created and self._create_sandbox_at <= self._runtime.clock.now():
            self._create_sandbox()
        if self._sandbox_created:
            self.containers.start_due()
        if pod_finished(self.containers.statuses):
            self._terminate(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    def _create_sandbox(self) -> None:
        if self._refuse_unsupported():
            return
        try:
            self._sandbox.create()
        except Unavailable as error:
            self._sandbox_failed("FailedMount", error)
        except (HarnessError, OSError, KeyError, ValueError) as error:
            self._sandbox_failed("FailedCreatePodSandBox", error)
        else:
            self._sandbox_created, self._sandbox_error = True, None

    def _refuse_unsupported(self) -> bool:
        """Say on the pod which of its fields cannot be honoured; such a pod is never started."""
        self._warn_of_unsupported()
        if self._refused:
            message = "; ".join(sorted(self._refused))
            self._sandbox_error = Waiting(UNSUPPORTED, message)
            self._create_sandbox_at = _NEVER
        return bool(self._refused)

    def _warn_of_unsupported(self) -> None:
        spec = self.pod["spec"]
        refused, unknown = frozenset(pod_api.refused(spec)), frozenset(pod_api.unknown(spec))
        for message in sorted((refused | unknown) - self._warned_of):
            self._runtime.events.warning(self.pod, UNSUPPORTED, message)
        self._refused, self._warned_of = refused, refused | unknown

    def _sandbox_failed(self, reason: str, error: Exception) -> None:
        self._sandbox_error = Waiting("ContainerCreating", str(error))
        self._create_sandbox_at = self._runtime.clock.now() + _RETRY
        self._runtime.events.warning(self.pod, reason, str(error))

    def _pod_updated(self, pod: Manifest) -> None:
        if _version(pod) < _version(self.pod):
            return
        old, self.pod = self.pod["metadata"], pod
        new = pod["metadata"]
        same = all(old.get(key) == new.get(key) for key in ("labels", "annotations"))
        if self._sandbox_created and not same:
            self._update_volumes(lambda: self._sandbox.metadata_changed(pod))
        else:
            self._sandbox.pod = pod
        if self._sandbox_created:
            # What runs goes on; an ephemeral container, for one, is added to a running pod.
            self._warn_of_unsupported()

    def _object_changed(self, message: ObjectChanged) -> None:
        if self._sandbox_created:
            volumes = self._sandbox.volumes
            self._update_volumes(lambda: volumes.object_changed(message.kind, message.name))
            self.containers.retry()
        elif self._create_sandbox_at != _NEVER:
            self._create_sandbox_at = 0.0

    def _update_volumes(self, update: Callable[[], None]) -> None:
        """Update a running pod's volumes; where that fails, what they hold stays."""
        try:
            update()
        except (Unavailable, HarnessError, OSError, KeyError) as error:
            self._runtime.events.warning(self.pod, "FailedMount", str(error))

    # Terminating

    def _check_deletion(self) -> None:
        meta = self.pod["metadata"]
        if self._removed:
            self._terminate(1.0)
        elif meta.get("deletionTimestamp"):
            self._terminate(float(meta.get("deletionGracePeriodSeconds", 30)))

    def _terminate(self, grace: float) -> None:
        if self._termination is None:
            self._termination = PodTermination(self._runtime.clock.now(), grace)
        elif grace < self._termination.grace:
            self._termination = PodTermination(self._termination.since, grace)

    def _finish_termination(self) -> None:
        """Nothing runs any more: say so, stop the sandbox, wait to be deleted."""
        self._sandbox.stop()
        if not self._report_status():
            return
        self._terminated = True
        self._finish_deletion()

    def _finish_deletion(self) -> None:
        if not (self._removed or self.pod["metadata"].get("deletionTimestamp")):
            self._report_at = 0.0
            return
        try:
            if not self._removed:
                self._runtime.status_manager.delete_pod(self.pod)
        except ApiError:
            self._report_at = self._runtime.clock.now() + _STATUS_RETRY
            return
        self._sandbox.remove()
        self.done = True

    # Status

    def _report_status(self) -> bool:
        """Write the status if it changed; ``False`` if that has to be tried again."""
        now = self._runtime.clock.now()
        status = pod_status(self._snapshot(now))
        if self._removed or status == self._reported:
            self._report_at = 0.0
            return True
        try:
            written = self._runtime.status_manager.patch_status(self.pod, status)
        except ApiError:
            self._report_at = now + _STATUS_RETRY
            return False
        self._reported, self._report_at = status, 0.0
        if written is not None:
            self._pod_updated(written)
            self._reported = pod_status(self._snapshot(now))
        return True

    def _snapshot(self, now: float) -> PodSnapshot:
        return PodSnapshot(
            pod=self.pod,
            statuses=self.containers.statuses,
            host=self._runtime.config.address,
            address=self._sandbox.address,
            start_time=self._start_time,
            now=now,
            wall=self._runtime.clock.wall(),
            terminal=self._termination is not None and self.containers.idle,
            sandbox_error=self._sandbox_error,
        )


def _version(pod: Manifest) -> int:
    return int(pod["metadata"].get("resourceVersion") or 0)
