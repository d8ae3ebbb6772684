import pytest

from harness.converge import Budget, NotConverged
from harness.probes.claims import always

SHORT = Budget(timeout=0.05, interval=0.001)


def test_a_promise_of_all_is_judged_by_the_look_after_the_first_that_agreed() -> None:
    looks = iter([1, 2, 2, 3])
    assert always(lambda: next(looks), lambda seen: seen == 2, what="two") == 2
    assert next(looks) == 3, "nobody looked again"


def test_a_look_that_agreed_by_chance_is_not_enough() -> None:
    looks = iter([1, 2, 1])
    with pytest.raises(AssertionError, match="two: seen once, but not in the next look"):
        always(lambda: next(looks), lambda seen: seen == 2, what="two")


def test_what_never_agrees_is_not_looked_at_for_ever() -> None:
    with pytest.raises(NotConverged, match="two: not seen"):
        always(lambda: 1, lambda seen: seen == 2, what="two", budget=SHORT)
