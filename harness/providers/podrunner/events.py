"""Events of pods, written in the background: no repetitions, never in the way of the pod."""

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Protocol
from uuid import uuid4

from harness.kube import Kube, Manifest
from harness.model import ApiError
from harness.providers.podrunner.clock import Clock
from harness.providers.podrunner.status import rfc3339

#: The same event of the same pod is not repeated within this many seconds.
_REPEAT_AFTER = 30.0
_REMEMBERED = 512


class EventRecorder(Protocol):
    """Records events of pods."""

    def warning(self, pod: Manifest, reason: str, message: str, container: str = "") -> None:
        """Record a warning. Never blocks and never fails."""
        ...

    def normal(self, pod: Manifest, reason: str, message: str, container: str = "") -> None:
        """Record that something in order happened. Never blocks and never fails."""
        ...


class ApiEventRecorder:
    """Writes Event objects."""

    def __init__(self, kube: Kube, node: str, clock: Clock) -> None:
        self._kube = kube
        self._node = node
        self._clock = clock
        self._recent: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._lock = Lock()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="events")

    def warning(self, pod: Manifest, reason: str, message: str, container: str = "") -> None:
        """Record a warning. Never blocks and never fails."""
        self._record("Warning", pod, reason, message, container)

    def normal(self, pod: Manifest, reason: str, message: str, container: str = "") -> None:
        """Record that something in order happened. Never blocks and never fails."""
        self._record("Normal", pod, reason, message, container)

    def _record(self, kind: str, pod: Manifest, reason: str, message: str, container: str) -> None:
        if self._repeated((str(pod["metadata"]["uid"]), reason, message)):
            return
        event = self._event(kind, pod, reason, message, container)
        self._writer.submit(self._write, event)

    def _repeated(self, event: tuple[str, str, str]) -> bool:
        now = self._clock.now()
        with self._lock:
            if now - self._recent.get(event, float("-inf")) < _REPEAT_AFTER:
                return True
            self._recent[event] = now
            self._recent.move_to_end(event)
            while len(self._recent) > _REMEMBERED:
                self._recent.popitem(last=False)
        return False

    def _event(
        self, kind: str, pod: Manifest, reason: str, message: str, container: str
    ) -> Manifest:
        meta = pod["metadata"]
        about = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        about["namespace"] = meta["namespace"]
        if container:
            about["fieldPath"] = f"spec.containers{{{container}}}"
        stamp = rfc3339(self._clock.wall())
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{meta['name']}.{uuid4().hex[:16]}",
                "namespace": meta["namespace"],
            },
            "involvedObject": about,
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "embedded-node", "host": self._node},
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "count": 1,
        }

    def _write(self, event: Manifest) -> None:
        # An event that cannot be written (the namespace is going away) is not worth a try.
        with suppress(ApiError):
            self._kube.create(event)
