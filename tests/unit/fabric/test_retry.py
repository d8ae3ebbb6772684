"""What a kept lab needs does not end after a day."""

import math

import pytest

from harness.converge import CEILING_VARIABLE, SCALE_VARIABLE, eventually
from harness.providers.fabric.retry import FOREVER


def test_a_year_is_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CEILING_VARIABLE, "5")
    monkeypatch.setenv(SCALE_VARIABLE, "0.5")
    assert math.isinf(FOREVER.effective().timeout)
    days = iter(range(366))

    def clock() -> float:
        return next(days) * 86400.0

    looks = iter([False] * 364 + [True])
    assert eventually(
        lambda: next(looks),
        bool,
        what="it is done",
        budget=FOREVER,
        clock=clock,
        sleep=lambda _: None,
    )
