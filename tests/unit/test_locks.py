"""Locks keep others out, are shared where asked for, and die with their holder."""

import signal
import sys
import threading
from pathlib import Path

import pytest

from harness import locks, shell
from harness.converge import Budget, eventually


def test_one_holds_a_lock_and_others_do_not_get_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lock"
    with locks.held(locks.of_file(path)), locks.of_file(path) as other:
        assert not other.taken()
        assert not other.taken(shared=True)
    with locks.of_file(path) as other:
        assert other.taken()


def test_those_who_share_a_lock_hold_it_side_by_side(tmp_path: Path) -> None:
    first, second = (locks.of_directory(tmp_path) for _ in range(2))
    with (
        locks.held(first, shared=True),
        locks.held(second, shared=True),
        locks.of_directory(tmp_path) as other,
    ):
        assert not other.taken()


def test_who_has_to_wait_is_told_and_gets_its_turn(tmp_path: Path) -> None:
    told, inside = threading.Event(), threading.Event()

    def wait() -> None:
        with locks.held(locks.of_directory(tmp_path), busy=told.set):
            inside.set()

    with locks.held(locks.of_directory(tmp_path)):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert told.wait(10)
        assert not inside.is_set()
    assert inside.wait(10)
    waiting.join(10)


def test_a_lock_is_free_when_its_holder_is_killed(tmp_path: Path) -> None:
    text = (
        "import pathlib, sys, threading; from harness import locks;"
        "lock = locks.of_directory(pathlib.Path(sys.argv[1])); lock.take();"
        "print('held', flush=True); threading.Event().wait()"
    )
    log = tmp_path.with_suffix(".log")
    holder = shell.start("holder", [sys.executable, "-c", text, str(tmp_path)], output=log)
    try:
        eventually(log.read_text, bool, what="it is held", budget=Budget(20, 0.01))
        with locks.of_directory(tmp_path) as lock:
            assert not lock.taken()
            holder.signal(signal.SIGKILL)
            holder.wait(10)
            assert lock.taken()
    finally:
        holder.end()


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        locks.of_directory(tmp_path / "gone")
    assert not list(tmp_path.iterdir())
