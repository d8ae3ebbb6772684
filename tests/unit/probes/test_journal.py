"""What was seen before a claim held is told, and a claim is judged by a look of its own."""

from collections.abc import Iterator

import pytest

from harness.converge import Budget
from harness.probes.claims import always, journal
from harness.probes.replies import Replies, Reply

FAST = Budget(timeout=5, interval=0.001)
BAD, GOOD = Replies([Reply(503)]), Replies([Reply(200, cluster="c1")])


def looks(*seen: object) -> Iterator[object]:
    return iter(seen)


@pytest.fixture
def told() -> Iterator[list[str]]:
    lines: list[str] = []
    with journal(lines.append):
        yield lines


def test_a_claim_that_held_at_once_is_not_worth_a_line(told: list[str]) -> None:
    seen = looks(True, True)
    assert always(lambda: next(seen), bool, what="it holds", budget=FAST)
    assert told == []


def test_replies_of_all_looks_are_counted(told: list[str]) -> None:
    seen = looks(BAD, BAD, GOOD, GOOD)
    always(lambda: next(seen), lambda each: each is GOOD, what="it is served", budget=FAST)
    assert told == ["it is served: held in look 3; before: 2x 503"]


def test_of_other_looks_the_change_is_told(told: list[str]) -> None:
    seen = looks(1, 2, 3, 3)
    always(lambda: next(seen), lambda each: each == 3, what="it is three", budget=FAST)
    assert told == ["it is three: held in look 3; before: 2"]


def test_the_look_that_counts_comes_after(told: list[str]) -> None:
    seen = looks(GOOD, BAD)
    with pytest.raises(AssertionError, match="not in the next look, which counts: 1x 503"):
        always(lambda: next(seen), lambda each: each is GOOD, what="it is served", budget=FAST)
