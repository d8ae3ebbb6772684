"""Orders to an agent, when the way to it breaks."""

import json
from dataclasses import dataclass, field

import pytest

from harness.kube import Answer, Kube
from harness.model import ApiError, InterruptedAnswerError
from harness.probes.caller import Caller
from tests.unit.pods import Asked, PodKube

SERVED = Answer(200, json.dumps({"results": [{"status": 200, "cluster": "c2"}]}).encode())


@dataclass
class FrailKube(PodKube):
    """Plays back answers and troubles, one for each request."""

    script: list[Answer | ApiError]
    asked: list[str] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked.path)
        played = self.script.pop(0)
        if isinstance(played, ApiError):
            raise played
        return played


def caller(kube: Kube) -> Caller:
    return Caller(kube, "c1", "sample", "echo-1", "10.11.0.5")


def broken() -> InterruptedAnswerError:
    return InterruptedAnswerError("POST /call", 0, "4023 bytes read, 3157 more expected")


def test_calls_whose_answer_breaks_off_are_made_anew_and_that_is_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    kube = FrailKube([broken(), SERVED])
    assert caller(kube).call("http://echo").clusters == {"c2": 1}
    assert kube.asked == ["/call", "/call"]
    assert "asked sample/echo-1 in c1 again" in capsys.readouterr().err


def test_an_answer_that_breaks_off_twice_is_an_error() -> None:
    with pytest.raises(InterruptedAnswerError):
        caller(FrailKube([broken(), broken()])).call("http://echo")


def test_nothing_else_is_asked_twice() -> None:
    kube = FrailKube([ApiError("POST /call", 0, "timed out"), SERVED])
    with pytest.raises(ApiError, match="timed out"):
        caller(kube).call("http://echo")
    assert kube.asked == ["/call"]
