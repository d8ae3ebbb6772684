from typing import Any, cast

import pytest

from harness.kube import Answer, Kube
from harness.meshes.base import MeshShape
from harness.meshes.istio import ready
from harness.model import ApiError


class FakeKube:
    """Answers from a script; an attribute that nobody prepared is an error."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def request(self, *_: Any) -> Answer:
        answer = self.answers["request"]
        if isinstance(answer, ApiError):
            raise answer
        return cast("Answer", answer)


def _kube(**answers: Any) -> Kube:
    return cast("Kube", FakeKube(**answers))


def test_a_validator_that_fails_open_guards_nothing() -> None:
    assert not ready.guarding({"webhooks": [{"failurePolicy": "Ignore"}]})
    assert ready.guarding({"webhooks": [{"failurePolicy": "Fail"}]})


def test_an_injector_that_does_not_answer_is_in_the_way() -> None:
    refused = ApiError("POST pods", 500, "failed calling webhook")
    assert "failed calling webhook" in ready.injected(_kube(request=refused), MeshShape())


@pytest.mark.parametrize(
    ("name", "trouble"), [("istio-proxy", ""), ("something", "no proxy added")]
)
def test_a_pod_that_passed_without_a_proxy_is_noticed(name: str, trouble: str) -> None:
    body = f'{{"spec": {{"containers": [], "initContainers": [{{"name": "{name}"}}]}}}}'
    assert ready.injected(_kube(request=Answer(201, body.encode())), MeshShape()) == trouble
