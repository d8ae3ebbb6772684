"""Open-loop load: calls go out on schedule whatever becomes of the earlier ones."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from typing import Any

from .calls import Order, call

#: Callers beyond this number would measure this process, not the mesh.
_MOST_CALLERS = 512
_MOST_CALLS = 200_000


class Load:
    """One run of ``rate`` calls per second for ``seconds``, in the background.

    An entry's ``at`` is the time (seconds since the start) at which its call was due, and its
    ``ms`` count from then, so that a caller that falls behind shows up as slowness.
    """

    def __init__(self, order: Order, rate: float, seconds: float) -> None:
        self.entries: list[dict[str, Any]] = []
        self.began = time.time()
        self._order = order
        self._total = min(int(rate * seconds), _MOST_CALLS)
        self._pace = 1.0 / rate
        self._begin = time.monotonic()
        self._due: queue.SimpleQueue[float] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._idle = self._callers = 0
        self.sent = 0
        threading.Thread(target=self._schedule, daemon=True).start()

    @property
    def finished(self) -> bool:
        """Whether everything was sent (or stopped) and every call has an end."""
        return self._stopped.is_set() and len(self.entries) >= self.sent

    def stop(self) -> None:
        """Send no more."""
        self._stopped.set()

    def _schedule(self) -> None:
        for number in range(self._total):
            due = self._begin + number * self._pace
            if self._stopped.wait(max(0.0, due - time.monotonic())):
                return
            self.sent += 1
            self._hand_over(due)
        self._stopped.set()

    def _hand_over(self, due: float) -> None:
        with self._lock:
            if self._idle:
                self._idle -= 1
            elif self._callers < _MOST_CALLERS:
                self._callers += 1
                threading.Thread(target=self._caller, daemon=True).start()
        self._due.put(due)

    def _caller(self) -> None:
        while True:
            due = self._due.get()
            result = call(self._order, due)
            self.entries.append({"at": round(due - self._begin, 4), **_short(result)})
            with self._lock:
                self._idle += 1


def _short(result: dict[str, Any]) -> dict[str, Any]:
    kept = ("status", "trouble", "cluster", "version", "pod", "identity", "ms")
    return {name: result[name] for name in kept if name in result}


class Loads:
    """The loads of this process by their number."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._loads: dict[str, Load] = {}

    def start(self, order: Order, rate: float, seconds: float) -> str:
        """Start a load and return its name."""
        name = str(next(self._numbers))
        self._loads[name] = Load(order, rate, seconds)
        return name

    def report(self, name: str, *, after: int = 0, stop: bool = False) -> dict[str, Any] | None:
        """Return the entries from number ``after`` on; ``None`` if there is no such load."""
        load = self._loads.get(name)
        if load is None:
            return None
        if stop:
            load.stop()
        finished = load.finished
        return {
            "began": load.began,
            "sent": load.sent,
            "finished": finished,
            "entries": load.entries[after:],
        }
