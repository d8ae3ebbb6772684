import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from harness.converge import (
    SCALE_VARIABLE,
    Budget,
    NotConverged,
    Pace,
    concurrently,
    eventually,
    retried,
)


@dataclass
class FakeTime:
    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


def looks(*values: object) -> Callable[[], object]:
    stream: Iterator[object] = iter(values)
    return lambda: next(stream)


def test_needs_looks_in_a_row(time: FakeTime) -> None:
    look = looks(True, False, True, True)
    eventually(look, bool, what="x", budget=Budget(10, 1, 2), clock=time.clock, sleep=time.sleep)
    assert time.now == 3


def test_says_what_it_last_saw(time: FakeTime) -> None:
    with pytest.raises(
        NotConverged, match=r"^gateway: not 3x in a row within 2s \(3 looks\); last saw 503$"
    ):
        eventually(
            lambda: 503,
            lambda status: status == 200,
            what="gateway",
            budget=Budget(2, 1, 3),
            clock=time.clock,
            sleep=time.sleep,
        )


def test_a_state_past_hope_ends_the_wait(time: FakeTime) -> None:
    with pytest.raises(NotConverged) as caught:
        eventually(
            looks("starting", "dead", "never asked"),
            lambda seen: seen == "ready",
            what="pod",
            final=lambda seen: seen == "dead",
            clock=time.clock,
            sleep=time.sleep,
        )
    assert caught.value.last == "dead"


def test_what_a_look_raises_passes_through(time: FakeTime) -> None:
    def look() -> bool:
        raise OSError("no route")

    with pytest.raises(OSError, match="no route"):
        eventually(look, bool, what="x", clock=time.clock, sleep=time.sleep)


def failing(*errors: Exception) -> Callable[[], str]:
    """Fail once with each of ``errors``, then succeed."""
    left = iter(errors)

    def work() -> str:
        if error := next(left, None):
            raise error
        return "done"

    return work


def test_what_fails_for_a_passing_reason_is_done_again_a_little_later(time: FakeTime) -> None:
    work = failing(OSError("reset"), OSError("reset"))
    assert retried(work, lambda error: "reset" in str(error), sleep=time.sleep) == "done"
    assert time.now == 3


def test_any_other_failure_is_raised_at_once(time: FakeTime) -> None:
    with pytest.raises(OSError, match="refused"):
        retried(failing(OSError("refused")), lambda error: "reset" in str(error), sleep=time.sleep)
    assert time.now == 0


def test_a_reason_that_does_not_pass_is_raised_as_it_is(time: FakeTime) -> None:
    work = failing(*(OSError(f"reset {number}") for number in range(4)))
    with pytest.raises(OSError, match="reset 2"):
        retried(work, lambda _: True, sleep=time.sleep)


def test_budgets_are_scaled_and_capped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCALE_VARIABLE, "3")
    assert Budget(10).effective().timeout == 30
    with replace(Pace.current(), ceiling=8).kept():
        assert Budget(10).effective().timeout == 8
        assert Budget(1).effective().timeout == 3
    assert Budget(10).effective().timeout == 30


def test_a_pace_holds_for_what_is_done_beside_and_for_nobody_else() -> None:
    together = threading.Barrier(2, timeout=5)

    def work(_: int) -> float:
        together.wait()
        return Budget(10).effective().timeout

    with Pace(scale=2, ceiling=15).kept():
        assert concurrently(work, [1, 2]) == [15, 15]
        elsewhere: list[float] = []
        thread = threading.Thread(target=lambda: elsewhere.append(Budget(10).effective().timeout))
        thread.start()
        thread.join()
    assert elsewhere == [10]
    assert concurrently(work, [1, 2]) == [10, 10]


def test_work_is_done_at_once_and_answered_in_order() -> None:
    together = threading.Barrier(3, timeout=5)

    def work(number: int) -> int:
        together.wait()
        return number * 2

    assert concurrently(work, [1, 2, 3]) == [2, 4, 6]


def test_one_failure_is_raised_as_it_is_and_several_together() -> None:
    def work(name: str) -> None:
        if name:
            raise OSError(name)

    with pytest.raises(OSError, match="a"):
        concurrently(work, ["a", ""])
    with pytest.raises(ExceptionGroup) as caught:
        concurrently(work, ["a", "b", ""])
    assert [str(each) for each in caught.value.exceptions] == ["a", "b"]


def test_nothing_is_done_for_nobody() -> None:
    assert concurrently(os.stat, []) == []


def test_a_ceiling_shortens_waits_for_promises_that_take_no_time_of_their_own() -> None:
    with Pace(ceiling=8).kept():
        assert Budget(timeout=60).effective().timeout == 8
        assert Budget(timeout=60, firm=True).effective().timeout == 60
        assert Budget(timeout=60, slow=True).effective().timeout == 60
