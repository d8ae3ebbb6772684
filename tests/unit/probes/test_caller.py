"""Calls through an agent, when the way to it breaks."""

import json
from dataclasses import dataclass, field

import pytest

from harness.kube import Answer, Manifest
from harness.model import ApiError, InterruptedAnswerError
from harness.probes.caller import Caller

SERVED = Answer(200, json.dumps({"results": [{"status": 200, "cluster": "c2"}]}).encode())


@dataclass
class FrailTransport:
    """Plays back answers and troubles, one for each request."""

    script: list[Answer | ApiError]
    asked: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float = 30.0
    ) -> Answer:
        self.asked.append(path)
        played = self.script.pop(0)
        if isinstance(played, ApiError):
            raise played
        return played


def broken() -> InterruptedAnswerError:
    return InterruptedAnswerError("POST /call", 0, "4023 bytes read, 3157 more expected")


def caller(transport: FrailTransport, heard: list[str]) -> Caller:
    return Caller(transport, "c1", "sample", "echo-1", "10.11.0.5", heard.append)


def test_calls_whose_answer_breaks_off_are_made_anew_and_that_is_told() -> None:
    heard: list[str] = []
    transport = FrailTransport([broken(), SERVED])
    replies = caller(transport, heard).call("http://echo", count=1)
    assert replies.clusters == {"c2": 1}
    assert replies.repeated == 1
    assert str(replies) == "1x 200 c2 (after 1 whose answers were lost)"
    assert transport.asked == ["/call", "/call"]
    (note,) = heard
    assert note.startswith("up to 1 calls of sample/echo-1 in c1 were made twice")


def test_calls_that_are_made_once_are_no_news() -> None:
    heard: list[str] = []
    replies = caller(FrailTransport([SERVED]), heard).call("http://echo")
    assert (replies.repeated, heard) == (0, [])


def test_nobody_need_listen(capsys: pytest.CaptureFixture[str]) -> None:
    alone = Caller(FrailTransport([broken(), SERVED]), "c1", "sample", "echo-1", "10.11.0.5")
    assert alone.call("http://echo").repeated == 1
    assert "calls of sample/echo-1 in c1 were made twice" in capsys.readouterr().err


def test_an_answer_that_breaks_off_twice_is_an_error() -> None:
    heard: list[str] = []
    with pytest.raises(InterruptedAnswerError):
        caller(FrailTransport([broken(), broken()]), heard).call("http://echo")
    assert len(heard) == 1


def test_nothing_else_is_asked_twice() -> None:
    transport = FrailTransport([ApiError("POST /call", 0, "timed out"), SERVED])
    with pytest.raises(ApiError, match="timed out"):
        caller(transport, []).call("http://echo")
    assert transport.asked == ["/call"]
