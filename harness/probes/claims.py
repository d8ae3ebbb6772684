"""Claims about replies, as values: a check waits until one holds, a failure shows the replies."""

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
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


def from_each(groups: Iterable[str | Set[str]], *, at_least: int = AT_LEAST) -> Claim:
    """Every call was answered 200, and each of ``groups`` answered ``at_least`` of them.

    A group is a cluster, or several of which it does not matter who answers how often.
    """
    wanted = [{each} if isinstance(each, str) else each for each in groups]
    return lambda replies: (
        replies.ok and all(answered_by(group, replies) >= at_least for group in wanted)
    )


def answered_by(group: Set[str], replies: Replies) -> int:
    """Return how many calls the clusters of ``group`` answered together."""
    return sum(replies.clusters[name] for name in group)


def only_from(cluster: str) -> Claim:
    """Every call was answered 200 by ``cluster``."""
    return lambda replies: replies.ok and set(replies.clusters) == {cluster}


def from_others(shunned: str, *groups: Set[str]) -> Claim:
    """Every call was answered 200, none by ``shunned``, some by each of ``groups``."""
    return lambda seen: (
        seen.ok
        and shunned not in seen.clusters
        and all(answered_by(group, seen) for group in groups)
    )


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

    For promises of "all", "none" and "served". To wait is not enough for them: of calls of which
    5 % stray, 50 in a row do not in one look of thirteen, and a wait takes dozens of looks. What
    the looks before the last one showed is told to the :func:`journal`, if any of them disagreed.
    """
    __tracebackhide__ = True  # a failing check should show the check
    looks: list[T] = []

    def seen() -> T:
        looks.append(look())
        return looks[-1]

    eventually(seen, until, what=what, budget=budget)
    if len(looks) > 1:
        _JOURNAL.get()(f"{what}: held in look {len(looks)}; before: {_told(looks[:-1])}")
    last = look()
    assert until(last), f"{what}: seen once, but not in the next look, which counts: {last}"
    return last


def _nobody(line: str) -> None:
    """Take what nobody wants to know."""


_JOURNAL: ContextVar[Callable[[str], None]] = ContextVar("journal", default=_nobody)


@contextmanager
def journal(tell: Callable[[str], None]) -> Iterator[None]:
    """Let :func:`always` tell, while the body runs, what it saw before a claim held."""
    token = _JOURNAL.set(tell)
    try:
        yield
    finally:
        _JOURNAL.reset(token)


def _told(looks: Sequence[object]) -> str:
    """Return the replies of all looks as counts; of looks at anything else the last one."""
    replies = [look for look in looks if isinstance(look, Replies)]
    if len(replies) == len(looks):
        return str(Replies(reply for each in replies for reply in each))
    return str(looks[-1])
