"""Who this instance is, how it is told to misbehave, and whether it is draining."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: How often a request that is never answered looks whether it may end; seconds.
_LOOK = 0.2


class Failing(NamedTuple):
    """How the workload ports misbehave: a status, a delay, silence or a closed connection."""

    status: int = 0
    delay: float = 0.0
    hang: bool = False
    close: bool = False
    ready: bool = True


class State:
    """What the servers of this process share."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.who: dict[str, str] = {
            "cluster": environment.get("CLUSTER", ""),
            "version": environment.get("VERSION", ""),
            "pod": environment.get("POD_NAME", ""),
            "namespace": environment.get("NAMESPACE", ""),
            "account": environment.get("ACCOUNT", ""),
        }
        self.failing = Failing()
        self.draining = threading.Event()
        self._lock = threading.Lock()
        self._busy = 0
        self._touched = time.monotonic()

    @property
    def ready(self) -> bool:
        """Whether the readiness probe may pass."""
        return self.failing.ready and not self.draining.is_set()

    def fail(self, failing: Mapping[str, Any]) -> None:
        """Misbehave as told until told otherwise; an empty mapping heals."""
        self.failing = Failing(**failing)

    def will_answer(self, failing: Failing, gone: Callable[[float], bool]) -> bool:
        """Wait as ``failing`` says; ``False`` if there is to be no answer.

        Silence lasts until the client has ``gone``, or to the drain, which need not wait for
        what will never be answered.
        """
        if failing.delay:
            time.sleep(failing.delay)
        while failing.hang and not self.draining.is_set() and not gone(_LOOK):
            pass
        return not (failing.hang or failing.close)

    def __enter__(self) -> State:
        """Count a piece of work that a drain must wait for."""
        with self._lock:
            self._busy += 1
            self._touched = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._busy -= 1
            self._touched = time.monotonic()

    def quiet_for(self) -> float:
        """Return for how many seconds nobody has asked for anything; 0 while work is going on."""
        with self._lock:
            return 0.0 if self._busy else time.monotonic() - self._touched
