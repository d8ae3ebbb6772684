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

    def list(self, *_: Any, **__: Any) -> list[Manifest]:
        return cast("list[Manifest]", self.answers["list"])

    def through_pod(self, pod: str, *_: Any) -> Answer:
        page = self.answers["metrics"][pod]
        if isinstance(page, ApiError):
            raise page
        return Answer(200, page.encode())

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


METRICS = """\
istiod_remote_cluster_sync_status{cluster="cluster2",cluster_type="remote",status="synced"} 1
istiod_remote_cluster_sync_status{cluster="cluster2",cluster_type="remote",status="timeout"} 0
istiod_remote_cluster_sync_status{cluster="cluster3",cluster_type="remote",status="synced"} 0
istiod_remote_cluster_sync_status{cluster="cluster3",cluster_type="remote",status="syncing"} 1
"""


def test_only_clusters_that_an_istiod_has_read_count() -> None:
    pods = [{"metadata": {"name": "one"}}, {"metadata": {"name": "two"}}]
    kube = _kube(list=pods, metrics={"one": METRICS, "two": ""})
    assert ready.synced(kube, MeshShape()) == [{"cluster2"}, set()]


def test_an_injector_that_does_not_answer_is_in_the_way() -> None:
    refused = ApiError("POST pods", 500, "failed calling webhook")
    assert "failed calling webhook" in ready.injected(_kube(request=refused), MeshShape())


@pytest.mark.parametrize(
    ("name", "trouble"), [("istio-proxy", ""), ("something", "no proxy added")]
)
def test_a_pod_that_passed_without_a_proxy_is_noticed(name: str, trouble: str) -> None:
    body = f'{{"spec": {{"containers": [], "initContainers": [{{"name": "{name}"}}]}}}}'
    assert ready.injected(_kube(request=Answer(201, body.encode())), MeshShape()) == trouble


def test_an_istiod_that_does_not_answer_yet_has_read_nothing() -> None:
    pods = [{"metadata": {"name": "istiod-1"}}]
    early = ApiError("metrics", 503, "dial tcp: connection refused")
    assert ready.synced(_kube(list=pods, metrics={"istiod-1": early}), MeshShape()) == [set()]


def test_a_server_that_is_gone_is_told() -> None:
    pods = [{"metadata": {"name": "istiod-1"}}]
    gone = ApiError("metrics", 0, "connection refused")
    with pytest.raises(ApiError):
        ready.synced(_kube(list=pods, metrics={"istiod-1": gone}), MeshShape())
