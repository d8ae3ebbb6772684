from collections.abc import Iterator
from typing import Any, cast

import pytest

from harness.converge import NotConverged
from harness.kube import Answer, Event, Kube, Manifest
from harness.meshes.base import MeshShape
from harness.meshes.istio import ready
from harness.model import ApiError


class FakeKube:
    """Answers from a script; an attribute that nobody prepared is an error."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def watch(self, *_: Any, **__: Any) -> Iterator[Event]:
        return iter(self.answers["watch"].pop(0))

    def request(self, *_: Any) -> Answer:
        answer = self.answers["request"]
        if isinstance(answer, ApiError):
            raise answer
        return cast("Answer", answer)


def _kube(**answers: Any) -> Kube:
    return cast("Kube", FakeKube(**answers))


def _deployment(**status: int) -> Manifest:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}


READY = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1}


def test_a_deployment_is_available_only_in_its_current_form() -> None:
    assert ready.available(_deployment(**READY))
    assert not ready.available(_deployment(**{**READY, "observedGeneration": 1}))
    assert not ready.available(_deployment(observedGeneration=2))
    assert not ready.available({"metadata": {"generation": 1}, "spec": {}})


def test_a_balancer_without_address_is_not_there() -> None:
    assert not ready.balanced({"status": {"loadBalancer": {}}})
    assert ready.balanced({"status": {"loadBalancer": {"ingress": [{"ip": "10.77.1.2"}]}}})


def test_a_validator_that_fails_open_guards_nothing() -> None:
    assert not ready.guarding({"webhooks": [{"failurePolicy": "Ignore"}]})
    assert ready.guarding({"webhooks": [{"failurePolicy": "Fail"}]})


def test_a_watch_that_ends_is_begun_again() -> None:
    events = [[Event("ADDED", _deployment())], [Event("ADDED", _deployment(**READY))]]
    seen = ready.watched(
        _kube(watch=events), "Deployment", "istiod", "x", ready.available, what="istiod is ready"
    )
    assert seen["status"] == READY


def test_a_deleted_object_does_not_satisfy() -> None:
    events = [[Event("DELETED", _deployment(**READY)), Event("ADDED", _deployment(**READY))]]
    kube = _kube(watch=events)
    ready.watched(kube, "Deployment", "istiod", "x", ready.available, what="istiod is ready")
    assert events == []


def test_waiting_ends_with_the_last_state() -> None:
    times = iter([0.0, 0.0, 99.0])
    status = {"availableReplicas": 0}
    kube = _kube(watch=[[Event("ADDED", _deployment(**status))]])
    with pytest.raises(NotConverged, match=r"istiod is ready.*availableReplicas"):
        ready.watched(
            kube,
            "Deployment",
            "istiod",
            "x",
            ready.available,
            what="istiod is ready",
            clock=lambda: next(times),
        )


def test_an_injector_that_does_not_answer_is_in_the_way() -> None:
    refused = ApiError("POST pods", 500, "failed calling webhook")
    assert "failed calling webhook" in ready.injected(_kube(request=refused), MeshShape())


@pytest.mark.parametrize(
    ("name", "trouble"), [("istio-proxy", ""), ("something", "no proxy added")]
)
def test_a_pod_that_passed_without_a_proxy_is_noticed(name: str, trouble: str) -> None:
    body = f'{{"spec": {{"containers": [], "initContainers": [{{"name": "{name}"}}]}}}}'
    assert ready.injected(_kube(request=Answer(201, body.encode())), MeshShape()) == trouble
