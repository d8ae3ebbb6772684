import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.providers.offline.engine.sysctls import LIMITS, OVERWRITTEN, Ledger
from harness.shell import LocalShell, Running, start

INSTANCES = "fs.inotify.max_user_instances"
PANIC = "kernel.panic"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "run", tmp_path / "sys")
    made.directory.mkdir()
    for name in (*LIMITS, *OVERWRITTEN):
        put(made, name, 100)
    return made


@pytest.fixture
def borrower(tmp_path: Path) -> Iterator[Running]:
    """A process that is there until a test ends it."""
    running = start("borrower", ["sleep", "60"], output=tmp_path / "log")
    yield running
    running.end()


def put(ledger: Ledger, name: str, value: int) -> None:
    path = ledger.settings / name.replace(".", "/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{value}\n")


def files(ledger: Ledger) -> list[str]:
    return [path.name for path in ledger.directory.iterdir()]


def test_low_limits_are_raised_and_said(ledger: Ledger) -> None:
    said = ledger.lend(os.getpid())
    assert ledger.value(INSTANCES) == 8192
    assert f"{INSTANCES} raised from 100 to 8192" in said


def test_high_limits_stay(ledger: Ledger) -> None:
    put(ledger, INSTANCES, 9000)
    assert not [line for line in ledger.lend(os.getpid()) if INSTANCES in line]
    assert ledger.value(INSTANCES) == 9000


def test_nothing_is_put_back_while_somebody_relies_on_it(ledger: Ledger) -> None:
    ledger.lend(os.getpid())
    assert ledger.settle() == []
    assert ledger.value(INSTANCES) == 8192


def test_everything_is_put_back_when_the_borrower_is_gone(
    ledger: Ledger, borrower: Running
) -> None:
    ledger.lend(borrower.pid)
    borrower.end()
    assert f"{INSTANCES} put back to 100" in ledger.settle()
    assert ledger.value(INSTANCES) == 100
    assert files(ledger) == []


def test_the_last_of_two_borrowers_counts(ledger: Ledger, borrower: Running) -> None:
    ledger.lend(borrower.pid)
    ledger.lend(os.getpid())
    borrower.end()
    assert ledger.settle() == []


def test_what_a_killed_borrower_left_is_put_back_before_the_next_loan(
    ledger: Ledger, borrower: Running, tmp_path: Path
) -> None:
    ledger.lend(borrower.pid)
    borrower.end()
    other = start("other", ["sleep", "60"], output=tmp_path / "log")
    ledger.lend(other.pid)
    assert ledger.value(INSTANCES) == 8192
    other.end()
    ledger.settle()
    assert ledger.value(INSTANCES) == 100


def test_what_a_kubelet_wrote_is_put_back(ledger: Ledger, borrower: Running) -> None:
    ledger.lend(borrower.pid)
    put(ledger, PANIC, 10)
    borrower.end()
    ledger.settle()
    assert ledger.value(PANIC) == 100


def test_what_somebody_else_wrote_meanwhile_stays(ledger: Ledger, borrower: Running) -> None:
    ledger.lend(borrower.pid)
    put(ledger, INSTANCES, 20000)
    put(ledger, PANIC, 5)
    borrower.end()
    ledger.settle()
    assert (ledger.value(INSTANCES), ledger.value(PANIC)) == (20000, 5)


def test_a_setting_that_this_machine_does_not_have_is_left_out(
    ledger: Ledger, borrower: Running
) -> None:
    (ledger.settings / "fs/inotify/max_user_instances").unlink()
    ledger.lend(borrower.pid)
    assert ledger.value(INSTANCES) is None
    borrower.end()
    assert not [line for line in ledger.settle() if INSTANCES in line]


def test_settling_without_a_loan_does_nothing(ledger: Ledger) -> None:
    assert ledger.settle() == []
    assert files(ledger) == []


def test_a_book_that_is_damaged_counts_as_none(ledger: Ledger) -> None:
    (ledger.directory / "meshproof-sysctls.json").write_text("{")
    assert ledger.settle() == []
    assert files(ledger) == []


def test_the_names_are_those_of_this_kernel() -> None:
    for name in LIMITS:
        assert LocalShell().run(["cat", f"/proc/sys/{name.replace('.', '/')}"]).exit_code == 0
