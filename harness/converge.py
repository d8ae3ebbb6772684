"""Wait for the world to agree with us. The only module that sleeps."""

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from typing import TypeVar

from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

T = TypeVar("T")
R = TypeVar("R")

#: Hands the factor for every budget (``--budget-scale``) to workers and other child processes.
SCALE_VARIABLE = "MESHPROOF_BUDGET_SCALE"


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient every wait is: ``scale`` stretches all budgets, ``ceiling`` (seconds) caps them.

    A ceiling stands while a sabotaged check runs: red comes sooner.
    """

    scale: float = 1.0
    ceiling: float = math.inf

    @classmethod
    def current(cls) -> "Pace":
        """Return the pace of this context, or what this process was started with."""
        return _PACE.get() or cls(scale=float(os.environ.get(SCALE_VARIABLE, "1")))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Wait at this pace within the block, also in what :func:`concurrently` starts."""
        token = _PACE.set(self)
        try:
            yield
        finally:
            _PACE.reset(token)


_PACE: ContextVar[Pace | None] = ContextVar("pace", default=None)


@dataclass(frozen=True, slots=True)
class Budget:
    """How long to wait (seconds), how often to look, and how many looks in a row must agree.

    A ``firm`` budget waits for machinery (pods to start, objects to go), not for a promise: no
    ceiling shortens it, or a sabotaged check would turn red because its stage came late. A ``slow``
    one waits for a promise that takes its time: no ceiling shortens it either, or any mesh would be
    red under it, and who does not keep the promise is judged all the same.
    """

    timeout: float = 60.0
    interval: float = 0.2
    successes: int = 1
    firm: bool = False
    slow: bool = False

    def effective(self) -> "Budget":
        """Return this budget at the current pace."""
        pace = Pace.current()
        timeout = self.timeout * pace.scale
        capped = timeout if self.firm or self.slow else min(timeout, pace.ceiling)
        return replace(self, timeout=capped)


class NotConverged(AssertionError):  # noqa: N818 - reads better in a report than "...Error"
    """The world still disagreed when the budget ran out."""

    def __init__(self, what: str, budget: Budget, looks: int, last: object) -> None:
        self.what = what
        self.budget = budget
        self.looks = looks
        self.last = last
        streak = f"not {budget.successes}x in a row" if budget.successes > 1 else "not seen"
        super().__init__(
            f"{what}: {streak} within {budget.timeout:g}s ({looks} looks); last saw {last}"
        )


def eventually(
    look: Callable[[], T],
    until: Callable[[T], bool],
    *,
    what: str,
    budget: Budget = Budget(),
    final: Callable[[T], bool] | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Look until ``until`` holds ``budget.successes`` times in a row; return the last look.

    ``what`` is a claim ("c1 reaches c2"). ``final`` ends the wait early once a state is known
    to be past hope. Raises :class:`NotConverged` with the last look; whatever ``look`` itself
    raises passes through, so a look reports bad news instead of raising it.
    """
    __tracebackhide__ = True  # a failing check should show the check
    budget = budget.effective()
    deadline = clock() + budget.timeout
    streak = looks = 0
    while True:
        seen = look()
        looks += 1
        streak = streak + 1 if until(seen) else 0
        if streak >= budget.successes:
            return seen
        if (final and final(seen)) or clock() >= deadline:
            raise NotConverged(what, budget, looks, seen)
        sleep(budget.interval)


def retried(
    work: Callable[[], T],
    passing: Callable[[BaseException], bool],
    *,
    attempts: int = 3,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Do ``work`` again, a little later each time, while it fails for a ``passing`` reason.

    For work whose failure says nothing about it (a connection that a mirror has dropped). The
    last failure is raised as it is, and any other at once.
    """
    again = Retrying(
        retry=retry_if_exception(passing),
        stop=stop_after_attempt(attempts),
        wait=wait_exponential(),
        sleep=sleep,
        reraise=True,
    )
    return again(work)


def pause(seconds: float, *, why: str) -> None:
    """Let time pass that a promise itself demands (an outage, an ejection time).

    ``why`` is for the reader of the call; nothing in the harness waits in this way for
    something that could be looked at instead.
    """
    del why
    time.sleep(seconds)


def concurrently(work: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Run ``work`` on every item at once, one thread each; return results in order.

    Waits for all of them. One failure is raised as it is, several as an ``ExceptionGroup``.
    """
    if len(items) == 1:
        return [work(items[0])]
    with ThreadPoolExecutor(max_workers=max(1, len(items))) as pool:
        futures = [pool.submit(copy_context().run, work, item) for item in items]
    errors = [error for future in futures if (error := future.exception())]
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise BaseExceptionGroup("several of them failed", errors)
    return [future.result() for future in futures]
