"""What is still at work on a lab is found by its mark, however it was started."""

import os
import signal
from pathlib import Path

from harness import shell
from harness.converge import Budget, eventually
from harness.providers.kind import razing
from harness.providers.kind.naming import LAB_VARIABLE

SOON = Budget(timeout=10, interval=0.01)


def test_those_who_make_a_lab_are_ended_and_nobody_else(tmp_path: Path) -> None:
    env = dict(os.environ)
    grandparent = ["sh", "-c", "sleep 60 & wait"]
    mine = shell.start(
        "mine", grandparent, output=tmp_path / "log", env={**env, LAB_VARIABLE: "ab12"}
    )
    other = shell.start(
        "other", ["sleep", "60"], output=tmp_path / "log", env={**env, LAB_VARIABLE: "ab123"}
    )
    try:
        found = eventually(
            lambda: set(razing.makers("ab12")),
            lambda seen: len(seen) == 2,
            what="both",
            budget=SOON,
        )
        assert mine.pid in found
        razing.end_makers("ab12")
        assert mine.wait(5) == -signal.SIGKILL
        eventually(
            lambda: list(razing.makers("ab12")), lambda left: not left, what="gone", budget=SOON
        )
        assert other.exit_code() is None
    finally:
        other.end()
