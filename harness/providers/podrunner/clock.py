"""Time as the node reads it, so that tests can bring their own."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` never jumps (for waiting), ``wall`` is what people and API servers read."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
