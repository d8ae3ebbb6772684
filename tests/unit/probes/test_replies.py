from typing import Any

from harness.probes.replies import Replies, Reply

SAID: list[dict[str, Any]] = [
    {"status": 200, "cluster": "c1", "version": "v1", "pod": "a", "identity": "spiffe://x"},
    {"status": 200, "cluster": "c2", "version": "v2", "pod": "b", "unheard": "of"},
    {"status": 503, "body": "no healthy upstream"},
    {"status": None, "trouble": "connection refused"},
    {"status": None, "trouble": "connection refused"},
]


def test_replies_are_counted_by_what_was_served() -> None:
    replies = Replies.read(SAID)
    assert replies.clusters == {"c1": 1, "c2": 1}
    assert replies.versions == {"v1": 1, "v2": 1}
    assert replies.pods == {"a": 1, "b": 1}
    assert replies.identities == {"spiffe://x": 1, "": 1}
    assert replies.statuses == {200: 2, 503: 1, None: 2}
    assert replies.troubles == {"connection refused": 2}
    assert (len(replies.served), len(replies.failed)) == (2, 3)


def test_a_failure_reads_in_one_line() -> None:
    assert str(Replies.read(SAID)) == "2x connection refused, 1x 200 c1, 1x 200 c2, 1x 503"
    assert str(Replies()) == "no replies"
    assert str(Reply(403, trouble="gRPC 7: denied")) == "403 (gRPC 7: denied)"


def test_silence_is_not_success() -> None:
    assert not Replies().ok
    assert Replies.read(SAID[:2]).ok
    assert not Replies.read(SAID).ok
