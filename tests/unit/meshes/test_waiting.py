from collections.abc import Iterator
from typing import Any, cast

import pytest

from harness.converge import NotConverged
from harness.kube import Event, Kube, Manifest
from harness.meshes import waiting
from harness.model import ApiError


class FakeKube:
    """Answers from a script; an attribute that nobody prepared is an error."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.applied: list[str] = []

    def watch(self, *_: Any, **__: Any) -> Iterator[Event]:
        return iter(self.answers["watch"].pop(0))

    def apply(self, manifest: Manifest) -> Manifest:
        if self.answers.get("refused"):
            raise ApiError("PATCH", 404, self.answers["refused"].pop())
        self.applied.append(manifest["metadata"]["name"])
        return manifest


def _kube(**answers: Any) -> Kube:
    return cast("Kube", FakeKube(**answers))


def _deployment(**status: int) -> Manifest:
    return {"metadata": {"generation": 2}, "spec": {"replicas": 1}, "status": status}


READY = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1}


def test_a_deployment_is_available_only_in_its_current_form() -> None:
    assert waiting.available(_deployment(**READY))
    assert not waiting.available(_deployment(**{**READY, "observedGeneration": 1}))
    assert not waiting.available(_deployment(observedGeneration=2))
    assert not waiting.available({"metadata": {"generation": 1}, "spec": {}})


def test_a_balancer_without_address_is_not_there() -> None:
    assert not waiting.balanced({"spec": {}, "status": {"loadBalancer": {}}})
    ingress = [{"ip": "10.77.1.2"}]
    assert waiting.balanced({"spec": {}, "status": {"loadBalancer": {"ingress": ingress}}})


def test_a_watch_that_ends_is_begun_again() -> None:
    events = [[Event("ADDED", _deployment())], [Event("ADDED", _deployment(**READY))]]
    seen = waiting.watched(
        _kube(watch=events), "Deployment", "istiod", "x", waiting.available, what="istiod is ready"
    )
    assert seen["status"] == READY


def test_a_deleted_object_does_not_satisfy() -> None:
    events = [[Event("DELETED", _deployment(**READY)), Event("ADDED", _deployment(**READY))]]
    kube = _kube(watch=events)
    waiting.watched(kube, "Deployment", "istiod", "x", waiting.available, what="istiod is ready")
    assert events == []


def test_waiting_ends_with_the_last_state() -> None:
    times = iter([0.0, 0.0, 99.0])
    status = {"availableReplicas": 0}
    kube = _kube(watch=[[Event("ADDED", _deployment(**status))]])
    with pytest.raises(NotConverged, match=r"istiod is ready.*availableReplicas"):
        waiting.watched(
            kube,
            "Deployment",
            "istiod",
            "x",
            waiting.available,
            what="istiod is ready",
            clock=lambda: next(times),
        )


def _named(*names: str, kind: str = "ConfigMap") -> list[Manifest]:
    return [{"kind": kind, "metadata": {"name": name}} for name in names]


def test_namespaces_are_applied_before_what_is_in_them() -> None:
    kube = FakeKube()
    manifests = [*_named("a", "b", "c"), *_named("space", kind="Namespace")]
    waiting.apply(cast("Kube", kube), manifests, where="east")
    assert kube.applied[0] == "space"
    assert sorted(kube.applied) == ["a", "b", "c", "space"]


def test_what_is_late_is_tried_until_its_kind_is_known() -> None:
    kube = FakeKube(refused=["not known", "not known"])
    waiting.apply(cast("Kube", kube), _named("a"), where="east", late=True)
    assert kube.applied == ["a"]


def test_what_is_not_late_fails_at_once() -> None:
    with pytest.raises(ApiError, match="not known"):
        waiting.apply(_kube(refused=["not known"]), _named("a"), where="east")
