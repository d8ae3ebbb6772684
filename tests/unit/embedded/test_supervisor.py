"""PID 1 of a lab kills what is in the lab, and nobody where it is not PID 1."""

import os
import signal

import pytest

from harness.providers.embedded import supervisor


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: seen.append((pid, number)))
    return seen


@pytest.mark.parametrize("pid", [2, 4711])
def test_nobody_is_killed_by_a_process_that_is_not_pid_1(
    pid: int, killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: pid)
    with pytest.raises(SystemExit, match=f"process {pid} is PID 1 of no lab"):
        supervisor.end_all()
    assert killed == []


def test_pid_1_ends_all_that_is_in_the_lab(
    killed: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
    supervisor.end_all()
    assert killed == [(-1, signal.SIGKILL)]


def test_a_supervisor_that_is_started_by_hand_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["supervisor", "/nowhere", "3"])
    monkeypatch.setattr(os, "getpid", lambda: 4711)
    with pytest.raises(SystemExit, match="4711 cannot hold a lab: it has to be PID 1"):
        supervisor.main()
