import pytest

from harness.probes.claims import AT_LEAST
from harness.probes.proportion import Proportion, demand
from harness.probes.replies import Replies, Reply


def test_the_interval_is_as_wide_as_chance_demands() -> None:
    fair = Proportion(400, 0.5)
    low, high = fair.bounds
    assert (low, high) == (167, 233)
    assert fair.admits(low)
    assert fair.admits(high)
    assert not fair.admits(low - 1)
    assert not fair.admits(high + 1)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75, 0.9])
def test_false_alarms_stay_below_what_was_promised(share: float) -> None:
    assert 0 < Proportion(400, share).false_alarm <= 0.001


#: For each row, printed once with scipy 1.17.1:
#: ``low, high = binom.interval(0.999, n, p); binom.cdf(low - 1, n, p) + binom.sf(high, n, p)``.
TABULATED = [
    (400, 0.5, 167, 233, 0.0007873409754373898),
    (1200, 0.5, 543, 657, 0.0008934847327969667),
    (400, 0.9, 339, 378, 0.0008144858980160842),
    (400, 0.75, 271, 328, 0.0007858054644155037),
    (400, 1 / 3, 103, 165, 0.0008127470842704144),
]


@pytest.mark.parametrize(("samples", "share", "low", "high", "false_alarm"), TABULATED)
def test_bounds_and_their_price_are_those_of_the_tables(
    samples: int, share: float, low: int, high: int, false_alarm: float
) -> None:
    proportion = Proportion(samples, share)
    assert proportion.bounds == (low, high)
    assert proportion.false_alarm == pytest.approx(false_alarm, rel=1e-9)


#: Printed once with scipy 1.17.1: ``binom.cdf(count, 100, p)`` and ``binom.sf(count, 100, p)``.
@pytest.mark.parametrize(
    ("share", "count", "at_most"),
    [
        (0.5, 9, 1.6610244897268262e-18),
        (0.25, 9, 4.3080914539989577e-05),
        (0.9, 70, 2.4451122393909454e-08),
    ],
)
def test_tails_below_are_those_of_the_tables(share: float, count: int, at_most: float) -> None:
    assert Proportion(100, share).at_most(count) == pytest.approx(at_most, rel=1e-9)


def test_the_fewest_calls_that_count_as_some_are_hardly_missed_by_chance() -> None:
    assert Proportion(100, 1 / 2).at_most(AT_LEAST - 1) == pytest.approx(1.7e-18, rel=0.05)
    assert Proportion(100, 1 / 4).at_most(AT_LEAST - 1) == pytest.approx(4.3e-5, rel=0.05)


def test_the_tail_above_is_that_of_the_tables() -> None:
    assert Proportion(100, 0.5).more_than(70) == pytest.approx(1.6080007647833168e-05, rel=1e-9)


def test_certain_shares_admit_no_exception() -> None:
    assert Proportion(50, 1.0).bounds == (50, 50)
    assert Proportion(50, 1.0).false_alarm == 0.0
    assert Proportion(50, 0.0).bounds == (0, 0)


def test_the_price_is_stated() -> None:
    assert str(Proportion(400, 0.9)).startswith("90% of n=400: 339 to 378 (false alarm ")


def replies(clusters: dict[str, int]) -> Replies:
    return Replies(
        Reply(200, cluster=name) for name, count in clusters.items() for _ in range(count)
    )


def drawn(*samples: dict[str, int]) -> tuple[list[int], list[str]]:
    """Return the sizes of the samples that are asked for, and what the report is told."""
    sizes: list[int] = []
    told: list[str] = []
    left = iter(samples)

    def draw(size: int) -> Replies:
        sizes.append(size)
        return replies(next(left))

    demand(Proportion(400, 0.5), draw, lambda seen: dict(seen.clusters), told.append)
    return sizes, told


def test_a_sample_that_chance_explains_is_the_only_one() -> None:
    sizes, told = drawn({"c1": 210, "c2": 190})
    assert sizes == [400]
    assert told[0].endswith("counted {'c1': 210, 'c2': 190}")


def test_a_sample_that_chance_hardly_explains_is_confirmed_by_a_larger_one() -> None:
    sizes, told = drawn({"c1": 240, "c2": 160}, {"c1": 610, "c2": 590})
    assert sizes == [400, 1200]
    assert len(told) == 2


def test_two_samples_outside_are_no_chance() -> None:
    with pytest.raises(AssertionError, match=r"in two samples: 50% of n=1200: .* counted .*720"):
        drawn({"c1": 240, "c2": 160}, {"c1": 720, "c2": 480})


def test_calls_that_are_not_served_are_no_sample() -> None:
    with pytest.raises(AssertionError, match="not every call was served"):
        drawn({})
