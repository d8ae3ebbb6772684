"""What a kept lab needs does not end after a day."""

import math

from harness.converge import Pace, eventually
from harness.providers.fabric.retry import FOREVER


def test_a_year_is_not_for_ever() -> None:
    with Pace(scale=0.5, ceiling=5).kept():
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
