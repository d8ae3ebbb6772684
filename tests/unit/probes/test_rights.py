"""What somebody may do is asked of the API server, an action at a time, in kubectl's words."""

import json
from typing import Any

import pytest

from harness.kube import Answer, Kube, Manifest
from harness.model import ApiError
from harness.probes.rights import Action, granted, served, who


class Reviewing(Kube):
    """An API server that lets ``allowed`` be done, or knows nobody."""

    def __init__(self, *allowed: str, known: bool = True) -> None:
        self.allowed = allowed
        self.known = known
        self.asked: list[Manifest] = []

    def request(self, method: str, path: str, body: Manifest | None = None) -> Answer:
        if not self.known:
            raise ApiError(f"{method} {path}", 401, "Unauthorized")
        if body is None:
            return Answer(200, json.dumps(PAGES[path]).encode())
        if body["kind"] == "SelfSubjectReview":
            said: Any = {"userInfo": {"username": "system:serviceaccount:ns:reader"}}
        else:
            attributes = body["spec"]["resourceAttributes"]
            self.asked.append(attributes)
            said = {"allowed": f"{attributes['verb']} {attributes['resource']}" in self.allowed}
        return Answer(201, json.dumps({"status": said}).encode())


PAGES: dict[str, Any] = {
    "/apis": {"groups": [{"preferredVersion": {"groupVersion": "apps/v1"}}]},
    "/api/v1": {
        "resources": [
            {"name": "pods", "verbs": ["get", "list"]},
            {"name": "pods/exec", "verbs": ["create"]},
        ]
    },
    "/apis/apps/v1": {"resources": [{"name": "deployments", "verbs": ["get"]}]},
}


def test_only_what_is_granted_comes_back_in_the_order_asked() -> None:
    kube = Reviewing("get pods", "list nodes")
    asked = [Action("list", "nodes"), Action("create", "pods"), Action("get", "pods", "ns")]
    assert granted(kube, asked) == [asked[0], asked[2]]


@pytest.mark.parametrize(
    ("resource", "attributes"),
    [
        ("pods", ("", "pods", "")),
        ("pods/exec", ("", "pods", "exec")),
        ("deployments.apps", ("apps", "deployments", "")),
        ("leases.coordination.k8s.io/status", ("coordination.k8s.io", "leases", "status")),
    ],
)
def test_a_resource_is_named_as_kubectl_names_it(
    resource: str, attributes: tuple[str, str, str]
) -> None:
    kube = Reviewing()
    assert not granted(kube, [Action("get", resource, "ns")])
    (asked,) = kube.asked
    assert (asked["group"], asked["resource"], asked["subresource"]) == attributes
    assert asked["namespace"] == "ns"


def test_nobody_may_do_anything_and_has_no_name() -> None:
    kube = Reviewing(known=False)
    assert granted(kube, [Action("get", "pods")]) == []
    assert who(kube) == ""
    assert who(Reviewing()) == "system:serviceaccount:ns:reader"


def test_trouble_is_not_taken_for_a_refusal() -> None:
    class Gone(Kube):
        def __init__(self) -> None: ...

        def request(self, method: str, path: str, body: Manifest | None = None) -> Answer:
            raise ApiError(path, 0, "no answer")

    with pytest.raises(ApiError):
        granted(Gone(), [Action("get", "pods")])
    with pytest.raises(ApiError):
        who(Gone())


def test_every_resource_that_is_served_is_named_with_its_verbs() -> None:
    assert list(served(Reviewing())) == [
        ("pods", ("get", "list")),
        ("pods/exec", ("create",)),
        ("deployments.apps", ("get",)),
    ]


def test_an_action_reads_like_a_question_to_kubectl() -> None:
    assert str(Action("create", "pods", "sample")) == "create pods in sample"
    assert str(Action("list", "nodes")) == "list nodes"
