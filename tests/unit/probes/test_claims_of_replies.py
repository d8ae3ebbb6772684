"""Claims about replies hold for what they say and for nothing less."""

from harness.probes.claims import (
    all_answered,
    from_each,
    from_others,
    none_from,
    not_served,
    only_from,
    served,
    unanswered,
)
from harness.probes.replies import Replies, Reply


def replies(**counts: int) -> Replies:
    """Return served replies, as many of each cluster as said."""
    return Replies(Reply(200, cluster=name) for name, count in counts.items() for _ in range(count))


REFUSED = Replies([Reply(None, trouble="refused")])
FORBIDDEN = Replies([Reply(403)])


def test_served_wants_every_reply() -> None:
    assert served(replies(c1=2))
    assert not served(Replies([*replies(c1=2), *FORBIDDEN]))
    assert not served(Replies())


def test_from_each_wants_enough_of_each() -> None:
    assert from_each(["c1", "c2"], at_least=2)(replies(c1=2, c2=3))
    assert not from_each(["c1", "c2"], at_least=2)(replies(c1=2, c2=1))


def test_from_each_tolerates_no_failure() -> None:
    assert not from_each(["c1"], at_least=1)(Replies([*replies(c1=5), *REFUSED]))


def test_from_each_counts_a_group_as_one() -> None:
    claim = from_each(["c1", {"c2", "c3"}], at_least=2)
    assert claim(replies(c1=2, c2=1, c3=1))
    assert claim(replies(c1=2, c3=2))
    assert not claim(replies(c1=2, c2=1))
    assert not claim(replies(c2=2, c3=2))


def test_from_others_wants_every_group_and_not_the_one_shunned() -> None:
    claim = from_others("c1", {"c2", "c3"}, {"c4"})
    assert claim(replies(c3=1, c4=1))
    assert not claim(replies(c1=1, c3=1, c4=1))
    assert not claim(replies(c3=2))
    assert not claim(Replies([*replies(c3=1, c4=1), *FORBIDDEN]))


def test_only_from_tolerates_no_other_cluster() -> None:
    assert only_from("c1")(replies(c1=5))
    assert not only_from("c1")(replies(c1=5, c2=1))


def test_none_from_looks_at_answers_not_at_errors() -> None:
    assert none_from("c2")(Replies([*replies(c1=1), *REFUSED]))
    assert not none_from("c2")(replies(c2=1))


def test_refusals_are_told_apart() -> None:
    assert unanswered(REFUSED)
    assert not unanswered(FORBIDDEN)
    assert all_answered(403)(FORBIDDEN)
    assert not all_answered(403)(REFUSED)
    assert not_served(REFUSED)
    assert not not_served(replies(c1=1))
