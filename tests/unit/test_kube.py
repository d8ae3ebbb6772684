"""The API client against a server that answers only what was prepared."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.converge import NotConverged, Pace
from harness.kube import Kube
from harness.model import ApiError, InterruptedAnswerError

CORE = {
    "resources": [
        {"name": "pods", "kind": "Pod", "namespaced": True},
        {"name": "pods/log", "kind": "Pod", "namespaced": True},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
        {"name": "serviceaccounts", "kind": "ServiceAccount", "namespaced": True},
    ]
}
APPS = {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}


@dataclass
class Script:
    """Answers by method and path; 501 for what nobody prepared."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    #: Bytes of every answer that are announced and never sent.
    withheld: int = 0

    def answer(self, what: str, status: int, body: Any) -> None:
        self.answers[what] = (status, body)


@pytest.fixture
def script() -> Script:
    return Script({"GET /api/v1": (200, CORE), "GET /apis/apps/v1": (200, APPS)})


@pytest.fixture
def kube(script: Script, tmp_path: Path) -> Iterator[Kube]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = json.loads(self.rfile.read(length)) if length else None
            what = f"{self.command} {self.path}"
            script.asked.append((what, dict(self.headers), body))
            status, made = script.answers.get(what, (501, {"not prepared": what}))
            payload = made if isinstance(made, bytes) else json.dumps(made).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(payload) + script.withheld))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [
            {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        ],
        "users": [{"name": "c", "user": {"token": "a-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    yield Kube(files.write(tmp_path / "kubeconfig", config, private=True), timeout=5)
    server.shutdown()
    server.server_close()


POD = {"metadata": {"name": "p", "namespace": "n"}}
STATUS = {"kind": "Status", "message": "pods p not found"}


def test_objects_are_found_by_kind(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n/pods/p", 200, POD)
    assert kube.get("Pod", "p", "n") == POD
    assert kube.get("Pod", "p", "n") == POD
    assert [what for what, _, _ in script.asked].count("GET /api/v1") == 1
    assert script.asked[-1][1]["Authorization"] == "Bearer a-token"


def test_absence_is_not_an_error_for_those_who_ask_whether(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n/pods/p", 404, STATUS)
    assert kube.find("Pod", "p", "n") is None
    with pytest.raises(ApiError, match="404: pods p not found"):
        kube.get("Pod", "p", "n")


def test_an_unknown_kind_is_told(kube: Kube) -> None:
    with pytest.raises(ApiError, match="apps/v1 DaemonSet: 404: the API server does not know"):
        kube.list("DaemonSet")


def test_lists_carry_their_kind(kube: Kube, script: Script) -> None:
    listing = {"apiVersion": "v1", "items": [POD]}
    script.answer("GET /api/v1/namespaces/n/pods?labelSelector=app%3Decho", 200, listing)
    assert kube.list("Pod", "n", labels="app=echo") == [{"apiVersion": "v1", "kind": "Pod", **POD}]


def test_kinds_of_one_name_are_told_apart_by_their_group(kube: Kube, script: Script) -> None:
    gateways = {"resources": [{"name": "gateways", "kind": "Gateway", "namespaced": True}]}
    for group in ("networking.istio.io/v1", "gateway.networking.k8s.io/v1"):
        script.answer(f"GET /apis/{group}", 200, gateways)
        listing = {"apiVersion": group, "items": [{"metadata": {"name": "east"}}]}
        script.answer(f"GET /apis/{group}/gateways", 200, listing)
    (own,) = kube.list("Gateway")
    (other,) = kube.list("Gateway.gateway.networking.k8s.io")
    assert (own["apiVersion"], own["kind"]) == ("networking.istio.io/v1", "Gateway")
    assert (other["apiVersion"], other["kind"]) == ("gateway.networking.k8s.io/v1", "Gateway")


def test_cluster_scoped_objects_have_no_namespace(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n", 200, {"metadata": {"name": "n"}})
    assert kube.get("Namespace", "n", "ignored")["metadata"]["name"] == "n"


def test_apply_is_server_side(kube: Kube, script: Script) -> None:
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", **POD}
    what = "PATCH /apis/apps/v1/namespaces/n/deployments/p?fieldManager=meshproof&force=true"
    script.answer(what, 200, manifest)
    kube.apply(manifest)
    asked, headers, body = script.asked[-1]
    assert (asked, body) == (what, manifest)
    assert headers["Content-Type"] == "application/apply-patch+yaml"


def test_patches_are_merged(kube: Kube, script: Script) -> None:
    what = "PATCH /apis/apps/v1/namespaces/n/deployments/p"
    script.answer(what, 200, POD)
    kube.scale("p", "n", 3)
    assert script.asked[-1][1]["Content-Type"] == "application/merge-patch+json"
    assert script.asked[-1][2] == {"spec": {"replicas": 3}}
    script.answer(f"{what}/status", 200, POD)
    kube.patch("Deployment", "p", {"status": {}}, "n", subresource="status")


def test_create_and_replace(kube: Kube, script: Script) -> None:
    manifest = {"apiVersion": "v1", "kind": "Pod", **POD}
    script.answer("POST /api/v1/namespaces/n/pods", 409, STATUS)
    with pytest.raises(ApiError) as caught:
        kube.create(manifest)
    assert caught.value.status == 409
    script.answer("PUT /api/v1/namespaces/n/pods/p", 200, manifest)
    assert kube.replace(manifest) == manifest


def test_deleting_what_is_gone_is_harmless(kube: Kube, script: Script) -> None:
    what = "DELETE /api/v1/namespaces/n/pods/p"
    script.answer(what, 200, POD)
    assert kube.delete("Pod", "p", "n", grace=0, uid="u")
    assert script.asked[-1][2] == {
        "propagationPolicy": "Background",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }
    script.answer(what, 404, STATUS)
    assert not kube.delete("Pod", "p", "n")
    script.answer("GET /api/v1/namespaces/n/pods/p", 404, STATUS)
    kube.gone("Pod", "p", "n")


def test_a_deletion_that_hangs_is_no_success(kube: Kube, script: Script) -> None:
    held = {"metadata": {"name": "p", "namespace": "n", "finalizers": ["nobody.removes/this"]}}
    script.answer("DELETE /api/v1/namespaces/n/pods/p", 200, held)
    script.answer("GET /api/v1/namespaces/n/pods/p", 200, held)
    hangs = pytest.raises(NotConverged, match="Pod p is gone: not seen within")
    with Pace(scale=0.001).kept(), hangs as caught:
        kube.gone("Pod", "p", "n")
    assert caught.value.budget.firm  # machinery: no check is failed by it


def test_what_a_pod_answers_is_an_answer(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n/pods/p:9001/proxy/x", 503, b"no upstream")
    answer = kube.through_pod("p", "n", 9001, "/x")
    assert (answer.status, answer.text) == (503, "no upstream")
    script.answer("POST /api/v1/namespaces/n/pods/p:9001/proxy/x", 200, {"ok": True})
    assert kube.through_pod("p", "n", 9001, "/x", method="POST", body={"a": 1}).json() == {
        "ok": True
    }


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (404, 'pods "p" not found'),
        (503, "error trying to reach service: dial tcp 10.1.0.9:9001: connection refused"),
    ],
)
def test_what_the_api_server_says_of_a_pod_is_no_answer_of_the_pod(
    kube: Kube, script: Script, status: int, message: str
) -> None:
    own = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message}
    script.answer("GET /api/v1/namespaces/n/pods/p:9001/proxy/x", status, own)
    with pytest.raises(ApiError, match=message) as caught:
        kube.through_pod("p", "n", 9001, "/x")
    assert caught.value.status == status


def test_no_error_quotes_a_secret(kube: Kube, script: Script) -> None:
    secret = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJpc3Rpb2QifQ.c2lnbmF0dXJl"
    watched = "GET /api/v1/namespaces/n/pods?watch=true&timeoutSeconds=300"
    error = {"type": "ERROR", "object": {"code": 401, "message": f"Bearer {secret} is no good"}}
    script.answer(watched, 200, json.dumps(error).encode() + b"\n")
    refused = {**STATUS, "message": f"Bearer {secret} is no good"}
    script.answer("GET /api/v1/namespaces/n/pods/p", 401, refused)
    script.answer("GET /other", 502, f"Bearer {secret}".encode())
    asks: list[Callable[[], object]] = [
        lambda: list(kube.watch("Pod", "n")),
        lambda: kube.get("Pod", "p", "n"),
        lambda: kube.request("GET", "/other"),
    ]
    for ask in asks:
        with pytest.raises(ApiError, match="redacted") as caught:
            ask()
        assert secret not in str(caught.value)


def test_logs_and_tokens(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n/pods/p/log?container=c&tailLines=5", 200, b"line\n")
    assert kube.logs("p", "n", "c", tail=5) == "line\n"
    path = "POST /api/v1/namespaces/n/serviceaccounts/a/token"
    script.answer(path, 201, {"status": {"token": "t"}})
    assert kube.token("a", "n", audience="x", seconds=60) == "t"
    assert script.asked[-1][2]["spec"] == {"expirationSeconds": 60, "audiences": ["x"]}


def test_a_watch_ends_with_the_stream_and_tells_errors(kube: Kube, script: Script) -> None:
    what = "GET /api/v1/namespaces/n/pods?watch=true&timeoutSeconds=300"
    events = [{"type": "ADDED", "object": POD}, {"type": "DELETED", "object": POD}]
    script.answer(what, 200, "\n".join([*map(json.dumps, events), ""]).encode())
    assert [event.kind for event in kube.watch("Pod", "n")] == ["ADDED", "DELETED"]
    error = {"type": "ERROR", "object": {"code": 410, "message": "too old"}}
    script.answer(what, 200, json.dumps(error).encode() + b"\n")
    with pytest.raises(ApiError, match="410"):
        list(kube.watch("Pod", "n"))


def test_a_server_that_is_behind_its_own_store_is_asked_again(kube: Kube, script: Script) -> None:
    what = "GET /api/v1/namespaces/n/pods?watch=true&timeoutSeconds=300"
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    status = {"code": 504, "details": {"causes": causes, "retryAfterSeconds": 0.01}}
    error = {"type": "ERROR", "object": status}
    script.answer(what, 200, json.dumps(error).encode() + b"\n")
    assert list(kube.watch("Pod", "n")) == []


def test_the_version_is_the_servers(kube: Kube, script: Script) -> None:
    script.answer("GET /version", 200, {"gitVersion": "v1.34.4"})
    assert kube.version() == "v1.34.4"


def test_a_server_that_is_not_there_is_status_0(tmp_path: Path, kube: Kube) -> None:
    config = files.read(kube.kubeconfig).data
    config["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    gone = Kube(files.write(tmp_path / "gone", config))
    with pytest.raises(ApiError) as caught:
        gone.get("Pod", "p", "n")
    assert caught.value.status == 0
    assert "a-token" not in str(caught.value)


def test_an_answer_that_breaks_off_is_told_from_none(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n/pods/p", 200, POD)
    script.withheld = 7
    with pytest.raises(InterruptedAnswerError, match="7 more expected"):
        kube.request("GET", "/api/v1/namespaces/n/pods/p")


def test_a_kubeconfig_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("nothing: here\n")
    with pytest.raises(ApiError, match="Invalid kube-config"):
        Kube(path)
    with pytest.raises(ApiError, match="absent"):
        Kube(tmp_path / "absent")


def test_an_object_is_removed_by_its_own_version(kube: Kube, script: Script) -> None:
    policy = {
        "apiVersion": "shop.example/v1",
        "kind": "Till",
        "metadata": {"name": "t", "namespace": "n"},
    }
    resource = {"name": "tills", "kind": "Till", "namespaced": True}
    script.answer("GET /apis/shop.example/v1", 200, {"resources": [resource]})
    what = "DELETE /apis/shop.example/v1/namespaces/n/tills/t"
    script.answer(what, 200, policy)
    assert kube.remove(policy)
    script.answer(what, 404, STATUS)
    assert not kube.remove(policy)


def test_an_object_whose_kind_is_gone_is_gone(kube: Kube, script: Script) -> None:
    script.answer("GET /apis/shop.example/v1", 404, STATUS)
    till = {"apiVersion": "shop.example/v1", "kind": "Till", "metadata": {"name": "t"}}
    assert not kube.remove(till)
    script.answer("GET /apis/shop.example/v1", 500, STATUS)
    with pytest.raises(ApiError):
        kube.remove(till)


def test_a_token_comes_before_the_credentials_of_the_kubeconfig(kube: Kube, script: Script) -> None:
    script.answer("GET /api/v1/namespaces/n/pods/p", 200, POD)
    assert Kube(kube.kubeconfig, token="another").get("Pod", "p", "n") == POD
    assert script.asked[-1][1]["Authorization"] == "Bearer another"
