"""Open-loop load: calls go out on schedule whatever becomes of the earlier ones."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from .calls import call

if TYPE_CHECKING:
    from .specs import CallSpec

#: Callers beyond this number would measure this process, not the mesh.
_MOST_CALLERS = 512
_MOST_CALLS = 200_000
#: A report has no more entries than this; who wants the others asks again.
_MOST_ENTRIES = 5_000


class Load:
    """One run of ``rate`` calls per second for ``seconds``, in the background.

    An entry's ``at`` is the time (seconds since the start) at which its call was due, and its
    ``ms`` count from then, so that a caller that falls behind shows up as slowness.
    """

    def __init__(self, spec: CallSpec, rate: float, seconds: float) -> None:
        self._began = time.time()
        self._spec = spec
        self._total = min(int(rate * seconds), _MOST_CALLS)
        self._pace = 1.0 / rate
        self._begin = time.monotonic()
        self._due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._acknowledged = 0
        self._idle = self._callers = self._sent = 0
        threading.Thread(target=self._schedule, daemon=True).start()

    def report(self, after: int) -> dict[str, Any]:
        """Return the entries from number ``after`` on, and forget those before it.

        ``finished``: everything was sent (or stopped), every call has an end, and these are the
        last entries.
        """
        with self._lock:
            known = self._acknowledged + len(self._entries)
            if not self._acknowledged <= after <= known:
                raise ValueError(f"there are entries from {self._acknowledged} to {known}")
            del self._entries[: after - self._acknowledged]
            self._acknowledged = after
            entries = self._entries[:_MOST_ENTRIES]
            done = self._stopped.is_set() and after + len(entries) >= self._sent
            return {
                "began": self._began,
                "sent": self._sent,
                "finished": done,
                "entries": entries,
            }

    def stop(self) -> None:
        """Send no more."""
        with self._lock:
            self._stopped.set()

    def _schedule(self) -> None:
        try:
            for number in range(self._total):
                due = self._begin + number * self._pace
                if self._stopped.wait(max(0.0, due - time.monotonic())) or not self._hand_over(due):
                    return
        finally:
            self.stop()
            for _ in range(self._callers):
                self._due.put(None)

    def _hand_over(self, due: float) -> bool:
        """Send a call, unless the load was stopped."""
        with self._lock:
            if self._stopped.is_set():
                return False
            if self._idle:
                self._idle -= 1
            elif self._callers < _MOST_CALLERS:
                threading.Thread(target=self._caller, daemon=True).start()
                self._callers += 1
            self._sent += 1
        self._due.put(due)
        return True

    def _caller(self) -> None:
        while (due := self._due.get()) is not None:
            result = call(self._spec, due)
            with self._lock:
                self._entries.append({"at": round(due - self._begin, 4), **_short(result)})
                self._idle += 1


def _short(result: dict[str, Any]) -> dict[str, Any]:
    kept = ("status", "trouble", "cluster", "version", "pod", "identity", "ms")
    return {name: result[name] for name in kept if name in result}


class Loads:
    """The loads of this process by their number."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._loads: dict[str, Load] = {}

    def start(self, spec: CallSpec, rate: float, seconds: float) -> str:
        """Start a load and return its name."""
        name = str(next(self._numbers))
        self._loads[name] = Load(spec, rate, seconds)
        return name

    def report(self, name: str, *, after: int = 0, stop: bool = False) -> dict[str, Any] | None:
        """Return the entries from number ``after`` on; ``None`` if there is no such load."""
        load = self._loads.get(name)
        if load is None:
            return None
        if stop:
            load.stop()
        return load.report(after)
