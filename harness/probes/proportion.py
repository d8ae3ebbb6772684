"""How far a share may stray by chance alone: the binomial interval, and its price."""

from collections.abc import Callable
from dataclasses import dataclass, replace

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
        # Imported on use: half a second that only checks of shares should pay.
        from scipy.stats import binom

        low, high = binom.interval(self.confidence, self.samples, self.share)
        return int(low), int(high)

    @property
    def false_alarm(self) -> float:
        """The exact probability that a count falls outside although the share is right."""
        from scipy.stats import binom

        low, high = self.bounds
        below = binom.cdf(low - 1, self.samples, self.share)
        return float(below + binom.sf(high, self.samples, self.share))

    def admits(self, count: int) -> bool:
        """Say whether chance explains ``count``."""
        low, high = self.bounds
        return low <= count <= high

    def __str__(self) -> str:
        """Say share, interval and false-alarm rate."""
        low, high = self.bounds
        told = f"{self.share:.0%} of n={self.samples}: {low} to {high}"
        return f"{told} (false alarm {self.false_alarm:.1e})"


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
