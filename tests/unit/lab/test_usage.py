"""Whether a lab was left in good order by those who used it."""

import signal
import sys
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.lab.usage import abandoned, used
from harness.shell import start

USES = """
import sys, threading
from pathlib import Path
from harness.lab.usage import used
with used(Path(sys.argv[1])):
    threading.Event().wait()
"""


@pytest.fixture
def users(tmp_path: Path) -> Path:
    return tmp_path / "users"


def test_a_lab_that_nobody_has_used_is_in_order(users: Path) -> None:
    assert not abandoned(users)


def test_a_lab_in_use_is_in_order_before_and_after(users: Path) -> None:
    with used(users), used(users):
        assert len(list(users.iterdir())) == 2
        assert not abandoned(users)
    assert not abandoned(users)
    assert list(users.iterdir()) == []


def test_whoever_fails_has_put_things_back_all_the_same(users: Path) -> None:
    with pytest.raises(AssertionError), used(users):
        raise AssertionError("503")
    assert not abandoned(users)


def test_a_run_that_was_killed_has_put_nothing_back(users: Path, tmp_path: Path) -> None:
    other = start("user", [sys.executable, "-c", USES, str(users)], output=tmp_path / "said")
    try:
        eventually(
            lambda: list(users.glob("[!.]*")),
            bool,
            what="the lab is in use",
            budget=Budget(20, 0.02),
        )
        assert not abandoned(users)
    finally:
        other.signal(signal.SIGKILL)
        other.wait(10)
    assert abandoned(users)
