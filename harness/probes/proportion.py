"""How far a share may stray by chance alone: the binomial interval, and its price."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from harness.probes.replies import Replies

#: How much larger the sample is that confirms a first one outside of its interval.
CONFIRMING = 3


@dataclass(frozen=True, slots=True)
class Proportion:
    """What ``samples`` independent calls may look like if each lands there with ``share``.

    The interval is equal-tailed: with at least ``confidence`` the count lies in it. What
    remains is the rate at which a faultless mesh fails the check (:attr:`false_alarm`).
    """

    samples: int
    share: float
    confidence: float = 0.999

    @property
    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest count that chance explains."""
        left_out = (1 - self.confidence) / 2
        chances = self._chances()
        return _quantile(chances, left_out), _quantile(chances, 1 - left_out)

    @property
    def false_alarm(self) -> float:
        """The exact probability that a count falls outside although the share is right."""
        low, high = self.bounds
        chances = self._chances()
        return math.fsum((*chances[:low], *chances[high + 1 :]))

    def at_most(self, count: int) -> float:
        """Return the probability of ``count`` or fewer."""
        return math.fsum(self._chances()[: count + 1])

    def more_than(self, count: int) -> float:
        """Return the probability of more than ``count``; exact where it is tiny, too."""
        return math.fsum(self._chances()[count + 1 :])

    def _chances(self) -> list[float]:
        """Return the probability of each count, from none to all of the samples."""
        n, share = self.samples, self.share
        if share in (0, 1):
            return [float(count == n * share) for count in range(n + 1)]
        return [
            math.exp(
                math.lgamma(n + 1) - math.lgamma(count + 1) - math.lgamma(n - count + 1)
                + count * math.log(share) + (n - count) * math.log1p(-share)
            )
            for count in range(n + 1)
        ]  # fmt: skip

    def admits(self, count: int) -> bool:
        """Say whether chance explains ``count``."""
        low, high = self.bounds
        return low <= count <= high

    def __str__(self) -> str:
        """Say share, interval and false-alarm rate."""
        low, high = self.bounds
        told = f"{self.share:.0%} of n={self.samples}: {low} to {high}"
        return f"{told} (false alarm {self.false_alarm:.1e})"


def _quantile(chances: Sequence[float], level: float) -> int:
    """Return the smallest count that is not exceeded with a probability of at least ``level``."""
    reached = (count for count, sum_ in enumerate(accumulate(chances)) if sum_ >= level)
    return next(reached, len(chances) - 1)


def demand(
    expected: Proportion,
    draw: Callable[[int], Replies],
    counted: Callable[[Replies], dict[str, int]],
    notes: Callable[[str], None],
) -> None:
    """Demand that each of the counts in one sample of calls is one that chance explains.

    A sample that chance hardly explains is confirmed by one of ``CONFIRMING`` times its size,
    so a faultless mesh fails with the product of both false-alarm rates, and no third sample
    is drawn. ``draw`` makes that many calls; ``notes`` takes every count for the report.
    """
    __tracebackhide__ = True  # a failing check should show the check
    trouble = ""
    for size in (expected.samples, CONFIRMING * expected.samples):
        wanted = replace(expected, samples=size)
        seen = draw(size)
        counts = counted(seen)
        trouble = f"{wanted}; counted {counts}"
        notes(trouble)
        assert seen.ok, f"not every call was served: {seen}"
        if all(map(wanted.admits, counts.values())):
            return
    raise AssertionError(f"not by chance, in two samples: {trouble}")
