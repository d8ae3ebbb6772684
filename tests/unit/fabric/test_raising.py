"""What stays of a lab whose making was interrupted: nothing."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from harness import files
from harness.model import NetworkPlan, Topology
from harness.providers.fabric import claims, raising, state
from harness.providers.fabric.raising import Built, Frame
from harness.providers.fabric.state import State

#: Without the module of locks: one that is held goes with the process.
MAKES_A_LAB = {module.__file__ for module in (raising, state, claims, files)}


@contextmanager
def interrupted_at(line: int) -> Iterator[Callable[[], bool]]:
    """Press Ctrl-C before the line of that number, counted as they are run; say if it came."""
    numbers = count(1)
    come = False

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal come
        if frame.f_code.co_filename not in MAKES_A_LAB:
            return None
        if event == "line" and not come and next(numbers) == line:
            come = True
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: come
    finally:
        sys.settrace(before)


def test_an_interrupted_making_leaves_nothing(
    topology: Topology, plan: NetworkPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "base", lambda: tmp_path)
    frame = Frame("paper", reap=lambda: None, raze=State.remove)
    for line in count(1):
        with interrupted_at(line) as came:
            try:
                frame.raised(topology, plan, lambda _: Built((), ()), keep=True)
            except KeyboardInterrupt:
                assert not list(tmp_path.iterdir()), f"before line {line}"
        if not came():
            break
    assert line > 40
    assert len(list(tmp_path.iterdir())) == 1
