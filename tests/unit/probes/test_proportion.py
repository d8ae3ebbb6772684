import pytest

from harness.probes.proportion import Proportion


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


def test_certain_shares_admit_no_exception() -> None:
    assert Proportion(50, 1.0).bounds == (50, 50)
    assert Proportion(50, 1.0).false_alarm == 0.0


def test_the_price_is_stated() -> None:
    assert str(Proportion(400, 0.9)).startswith("90% of n=400: 339 to 378 (false alarm ")
