"""The node's clock, monotonic and wall, as a value that tests replace."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """``now`` never jumps (for waiting), ``wall`` is what people and API servers read."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
