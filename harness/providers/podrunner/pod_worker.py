"""One pod on this node, from the moment it is bound to the moment nothing is left of it."""

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
from harness.providers.podrunner.lifecycle import Trouble, finished
from harness.providers.podrunner.messages import Message, Removed, SourceChanged, Updated
from harness.providers.podrunner.object_cache import Unavailable
from harness.providers.podrunner.pod_containers import PodContainers
from harness.providers.podrunner.pod_sandbox import PodSandbox
from harness.providers.podrunner.runtime import Runtime
from harness.providers.podrunner.status import Snapshot, status
from harness.providers.podrunner.volumes import Refused

#: Seconds until a volume or network that could not be made is tried again, if no watch tells
#: sooner; until a status that could not be written is written again.
_RETRY = 2.0
_REPORT_AGAIN = 0.5
_NEVER = float("inf")
_OVER = ("Succeeded", "Failed")


@dataclass(frozen=True, slots=True)
class Leaving:
    """The pod is on its way out since then (monotonic seconds), with that much grace."""

    since: float
    grace: float


class PodWorker:
    """Runs one pod. :meth:`post` may be called from any thread, the rest from the pod's own."""

    def __init__(self, pod: Manifest, runtime: Runtime) -> None:
        self.pod = pod
        self.done = False
        self._runtime = runtime
        self._inbox: Queue[Message] = Queue()
        self._sandbox = PodSandbox(
            pod, runtime.config, runtime.networks, runtime.objects, runtime.clock
        )
        self.containers = PodContainers(pod, self._sandbox, runtime, self.post)
        self._accepted = runtime.clock.wall()
        self._laid = False
        self._obstacle: Trouble | None = None
        self._lay_at = 0.0
        self._leaving: Leaving | None = None
        self._removed = False
        self._closed = pod.get("status", {}).get("phase") in _OVER
        self._told: Manifest | None = None
        self._tell_at = 0.0

    def post(self, message: Message) -> None:
        """Tell the pod something."""
        self._inbox.put(message)

    def uses(self, kind: str, name: str) -> bool:
        """Say whether a ConfigMap or Secret of the pod's namespace concerns the pod."""
        waits = any(state.trouble is not None for state in self.containers.states)
        return (kind, name) in self._sandbox.watched or self._obstacle is not None or waits

    def runs(self, container: str) -> bool:
        """Say whether a container runs now."""
        return any(state.running for state in self.containers.states if state.name == container)

    def log(self, container: str, *, previous: bool) -> Path | None:
        """Return the log of a container's latest run or the one before it."""
        runs = {state.name: state.runs for state in self.containers.states}
        wanted = runs.get(container, 0) - previous
        return self._sandbox.log(container, wanted) if wanted > 0 else None

    def begin(self) -> None:
        """Run the pod on a thread of its own."""
        name = str(self.pod["metadata"]["name"])
        Thread(target=self._live, name=f"pod-{name}", daemon=True).start()

    def _live(self) -> None:
        while not self.done:
            try:
                self.step()
                if not self.done:
                    self._listen()
            except Exception:  # noqa: BLE001 - a defect of ours must not leave a pod unattended
                self._stumble(traceback.format_exc())

    def _stumble(self, what: str) -> None:
        sys.stderr.write(what)
        sys.stderr.flush()
        self._runtime.events.warn(self.pod, "NodeDefect", what[-1000:])
        pause(_RETRY, why="a defect must not become a busy loop")

    def _listen(self) -> None:
        wait = self.wake() - self._runtime.clock.now()
        try:
            # A bound, because a thread cannot wait for ever and be woken by time as well.
            self.hear(self._inbox.get(timeout=max(0.0, min(wait, 3600.0))))
            while True:
                self.hear(self._inbox.get_nowait())
        except Empty:
            return

    def hear(self, message: Message) -> None:
        """Take in a message."""
        if isinstance(message, Updated):
            self._updated(message.pod)
        elif isinstance(message, Removed):
            self._removed = True
        elif isinstance(message, SourceChanged):
            self._source_changed(message)
        else:
            self.containers.heard(message)

    def step(self) -> None:
        """Do everything that is due now."""
        self._consider_leaving()
        if self._closed:
            self._forget_if_deleted()
            return
        if self._leaving is None:
            self._work()
        if self._leaving is not None:
            self.containers.end_all(self._leaving.since, self._leaving.grace)
        self.containers.advance()
        if self._laid:
            self._guard(self._sandbox.refresh)
        if self._leaving is not None and self.containers.idle:
            self._close()
        else:
            self._report()

    def wake(self) -> float:
        """Return the (monotonic) time at which something is due."""
        now = self._runtime.clock.now()
        times = [self._tell_at or _NEVER]
        if self._closed:
            return times[0]
        if self._leaving is None and not self._laid:
            times.append(self._lay_at)
        if self._laid:
            times += [self.containers.wake(), now + self._sandbox.stale_in()]
        return min(times)

    # Living

    def _work(self) -> None:
        if not self._laid and self._lay_at <= self._runtime.clock.now():
            self._lay()
        if self._laid:
            self.containers.start_due()
        if finished(self.containers.states):
            self._leave(float(self.pod["spec"].get("terminationGracePeriodSeconds", 30)))

    def _lay(self) -> None:
        try:
            self._sandbox.lay()
        except Unavailable as error:
            self._hinder("FailedMount", error, _RETRY)
        except Refused as error:
            self._hinder("FailedMount", error, _NEVER)
        except (HarnessError, OSError, KeyError, ValueError) as error:
            self._hinder("FailedCreatePodSandBox", error, _RETRY)
        else:
            self._laid, self._obstacle = True, None

    def _hinder(self, reason: str, error: Exception, wait: float) -> None:
        self._obstacle = Trouble(reason, str(error))
        self._lay_at = self._runtime.clock.now() + wait
        self._runtime.events.warn(self.pod, reason, str(error))

    def _updated(self, pod: Manifest) -> None:
        if _version(pod) < _version(self.pod):
            return
        old, self.pod = self.pod["metadata"], pod
        new = pod["metadata"]
        same = all(old.get(key) == new.get(key) for key in ("labels", "annotations"))
        if self._laid and not same:
            self._guard(lambda: self._sandbox.renamed(pod))
        else:
            self._sandbox.pod = pod

    def _source_changed(self, message: SourceChanged) -> None:
        if self._laid:
            self._guard(lambda: self._sandbox.changed(message.kind, message.name))
            self.containers.retry()
        elif self._lay_at != _NEVER:
            self._lay_at = 0.0

    def _guard(self, change: Callable[[], None]) -> None:
        """Change what a running pod stands on; where that fails, what it has stays."""
        try:
            change()
        except (Unavailable, Refused, HarnessError, OSError, KeyError) as error:
            self._runtime.events.warn(self.pod, "FailedMount", str(error))

    # Leaving

    def _consider_leaving(self) -> None:
        meta = self.pod["metadata"]
        if self._removed:
            self._leave(1.0)
        elif meta.get("deletionTimestamp"):
            self._leave(float(meta.get("deletionGracePeriodSeconds", 30)))

    def _leave(self, grace: float) -> None:
        if self._leaving is None:
            self._leaving = Leaving(self._runtime.clock.now(), grace)
        elif grace < self._leaving.grace:
            self._leaving = Leaving(self._leaving.since, grace)

    def _close(self) -> None:
        """Nothing runs any more: say so, give the network back, wait to be deleted."""
        self._sandbox.release()
        if not self._report():
            return
        self._closed = True
        self._forget_if_deleted()

    def _forget_if_deleted(self) -> None:
        if not (self._removed or self.pod["metadata"].get("deletionTimestamp")):
            self._tell_at = 0.0
            return
        try:
            if not self._removed:
                self._runtime.reporter.remove(self.pod)
        except ApiError:
            self._tell_at = self._runtime.clock.now() + _REPORT_AGAIN
            return
        self._sandbox.clear()
        self.done = True

    # Telling

    def _report(self) -> bool:
        """Write the status if it changed; ``False`` if that has to be tried again."""
        now = self._runtime.clock.now()
        fresh = status(self._snapshot(now))
        if self._removed or fresh == self._told:
            self._tell_at = 0.0
            return True
        try:
            written = self._runtime.reporter.report(self.pod, fresh)
        except ApiError:
            self._tell_at = now + _REPORT_AGAIN
            return False
        self._told, self._tell_at = fresh, 0.0
        if written is not None:
            self._updated(written)
            self._told = status(self._snapshot(now))
        return True

    def _snapshot(self, now: float) -> Snapshot:
        return Snapshot(
            pod=self.pod,
            states=self.containers.states,
            host=self._runtime.config.address,
            address=self._sandbox.address,
            accepted=self._accepted,
            now=now,
            wall=self._runtime.clock.wall(),
            terminal=self._leaving is not None and self.containers.idle,
            obstacle=self._obstacle,
        )


def _version(pod: Manifest) -> int:
    return int(pod["metadata"].get("resourceVersion") or 0)
