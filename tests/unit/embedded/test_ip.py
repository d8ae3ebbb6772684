"""How a failing batch is explained."""

import pytest

from harness.model import ToolError
from harness.shell import Outcome, ScriptedShell
from harness.tools.ip import Ip

BATCH = ("ip", "-batch", "-")


def test_a_batch_that_fails_names_the_command() -> None:
    said = "RTNETLINK answers: File exists\nCommand failed -:2\n"
    ip = Ip(ScriptedShell({BATCH: Outcome(BATCH, 1, "", said)}))
    with pytest.raises(ToolError, match="ip link add x type bridge exited 1: RTNETLINK"):
        ip.batch(["link set lo up", "link add x type bridge"])


def test_nothing_to_do_starts_nothing() -> None:
    shell = ScriptedShell({})
    Ip(shell).batch([])
    assert shell.ran == []
