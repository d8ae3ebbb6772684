"""Claims about replies, as values: a check waits until one holds, a failure shows the replies."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from harness.converge import Budget, eventually
from harness.probes.replies import Replies

Claim = Callable[[Replies], bool]
T = TypeVar("T")

#: How long a claim may take to hold, unless its promise says otherwise.
PATIENCE = Budget()

#: Of 100 calls shared evenly, fewer than 10 reach a given cluster by chance with probability
#: 1.7e-18 among two clusters, 4.3e-5 among four (``Proportion(100, share).at_most(9)``).
AT_LEAST = 10
#: Calls per look where a requirement names no number, each on a new connection.
CALLS = 100


def served(replies: Replies) -> bool:
    """Every call was answered 200."""
    return replies.ok


def from_each(clusters: Iterable[str], *, at_least: int = AT_LEAST) -> Claim:
    """Every call was answered 200, and each of ``clusters`` answered ``at_least`` of them."""
    names = tuple(clusters)
    return lambda replies: replies.ok and all(replies.clusters[n] >= at_least for n in names)


def only_from(cluster: str) -> Claim:
    """Every call was answered 200 by ``cluster``."""
    return lambda replies: replies.ok and set(replies.clusters) == {cluster}


def none_from(cluster: str) -> Claim:
    """No call was answered by ``cluster``, whatever else came back."""
    return lambda replies: replies.clusters[cluster] == 0


def all_answered(status: int) -> Claim:
    """Every call was answered ``status``."""
    return lambda replies: set(replies.statuses) == {status}


def unanswered(replies: Replies) -> bool:
    """No call was answered at all: refused, reset or timed out."""
    return set(replies.statuses) == {None}


def not_served(replies: Replies) -> bool:
    """No call was answered 200."""
    return 200 not in replies.statuses


def always(
    look: Callable[[], T], until: Callable[[T], bool], *, what: str, budget: Budget = PATIENCE
) -> T:
    """Wait until ``until`` holds, then demand it of one more look, which alone counts.

    For promises of "all" and "none". To wait is not enough for them: of calls of which 5 % stray,
    50 in a row do not in one look of thirteen, and a wait takes dozens of looks.
    """
    __tracebackhide__ = True  # a failing check should show the check
    eventually(look, until, what=what, budget=budget)
    last = look()
    assert until(last), f"{what}: seen once, but not in the next look, which counts: {last}"
    return last
