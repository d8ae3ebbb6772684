"""What an istiod has read is learnt from what its version tells, and never taken for granted."""

import json
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from harness.converge import SCALE_VARIABLE, NotConverged
from harness.kube import Answer, Kube, Manifest
from harness.meshes.base import MeshShape
from harness.meshes.istio import ready
from harness.meshes.istio.reads import Istiods
from harness.model import ApiError

METRICS = """\
istiod_managed_clusters{cluster_type="local"} 1
istiod_managed_clusters{cluster_type="remote"} 2
istiod_remote_cluster_sync_status{cluster="c2",cluster_type="remote",status="synced"} 1
istiod_remote_cluster_sync_status{cluster="c2",cluster_type="remote",status="timeout"} 0
istiod_remote_cluster_sync_status{cluster="c3",cluster_type="remote",status="synced"} 0
istiod_remote_cluster_sync_status{cluster="c3",cluster_type="remote",status="%s"} 1
"""
OLD = 'istiod_managed_clusters{cluster_type="remote"} 1\n'
PAGE = [
    {"id": "c1", "syncStatus": "synced"},
    {"id": "c2", "secretName": "istio-system/c2", "syncStatus": "synced"},
    {"id": "c3", "secretName": "istio-system/c3", "syncStatus": "timeout"},
]
SHUT = Answer(401, b"")


@dataclass
class FakeKube:
    """One cluster with istiods that tell what a test lets them tell."""

    metrics: str = ""
    page: Answer = SHUT
    log: str | ApiError = ""
    istiods: tuple[str, ...] = ("one",)
    asked: list[str] = field(default_factory=list)

    def list(self, kind: str, namespace: str, *, labels: str, fields: str) -> list[Manifest]:
        assert (kind, namespace, labels) == ("Pod", "istio-system", "app=istiod")
        return [{"metadata": {"name": name}} for name in self.istiods]

    def through_pod(self, pod: str, namespace: str, port: int, path: str) -> Answer:
        self.asked.append(path)
        answers = {
            (15014, "/metrics"): Answer(200, self.metrics.encode()),
            (8080, "/debug/clusterz"): self.page,
        }
        return answers[port, path]

    def logs(self, pod: str, namespace: str, container: str) -> str:
        self.asked.append("log")
        if isinstance(self.log, ApiError):
            raise self.log
        return self.log


def istiods(fake: FakeKube) -> Istiods:
    return Istiods(cast("Kube", fake), MeshShape())


def page(said: Any) -> Answer:
    return Answer(200, json.dumps(said).encode())


def told(fake: FakeKube) -> tuple[set[str], str]:
    (read,) = istiods(fake).read()
    return set(read.clusters), read.told_by


def test_the_metric_is_enough_where_it_is_certain() -> None:
    fake = FakeKube(METRICS % "syncing", page=page(PAGE))
    assert told(fake) == ({"c2"}, "metric")
    assert fake.asked == ["/metrics"]


def test_an_istiod_without_remote_clusters_is_asked_no_more() -> None:
    fake = FakeKube('istiod_managed_clusters{cluster_type="remote"} 0\n', page=page(PAGE))
    assert told(fake) == (set(), "metric")


def test_an_istiod_without_the_metric_tells_on_its_debug_page() -> None:
    assert told(FakeKube(OLD, page=page(PAGE))) == ({"c1", "c2"}, "debug page")


def test_a_timeout_that_the_metric_tells_is_looked_up_on_the_debug_page() -> None:
    late = [{"id": "c3", "syncStatus": "synced"}]
    assert told(FakeKube(METRICS % "timeout", page=page(late))) == ({"c2", "c3"}, "debug page")


def test_a_timeout_that_the_debug_page_confirms_is_one() -> None:
    assert told(FakeKube(METRICS % "timeout", page=page(PAGE)))[0] == {"c1", "c2"}


LOG = """\
info\tcontrollers\tkube controller for c1 synced after 101ms
info\tAdding cluster\tcluster=c2
info\tcontrollers\tkube controller for c2 synced after 98.1ms
"""
GONE = "info\tDeleting cluster_id=c2 configured by secret=istio-system/istio-remote-secret-c2\n"


@pytest.mark.parametrize(
    ("log", "clusters"),
    [
        ("", set()),
        (LOG, {"c1", "c2"}),
        (LOG.replace("for c2 synced", "for c2 initial sync timed out"), {"c1"}),
        (LOG + GONE, {"c1"}),
        (LOG + GONE + LOG, {"c1", "c2"}),
        ('{"level":"info","msg":"kube controller for c2 synced after 9ms"}\n', {"c2"}),
    ],
)
def test_where_the_debug_page_is_shut_the_log_tells(log: str, clusters: set[str]) -> None:
    assert told(FakeKube(OLD, log=log)) == (clusters, "log")


@pytest.mark.parametrize("answer", [Answer(404, b""), Answer(503, b""), Answer(200, b"<html>")])
def test_a_page_that_is_none_is_no_answer(answer: Answer) -> None:
    assert told(FakeKube(OLD, page=answer, log=LOG)) == ({"c1", "c2"}, "log")


def test_a_page_that_wants_a_token_is_asked_once() -> None:
    fake = FakeKube(OLD, log=LOG)
    watched = istiods(fake)
    watched.read()
    watched.read()
    assert fake.asked.count("/debug/clusterz") == 1
    assert fake.asked.count("log") == 2


def test_every_istiod_must_have_read_every_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCALE_VARIABLE, "0")
    kube = cast("Kube", FakeKube(METRICS % "syncing", istiods=("one", "two")))
    ready.links(kube, MeshShape(), {"c2"}, who="c1")
    with pytest.raises(NotConverged, match="istiod of c1 has read c2, c3"):
        ready.links(kube, MeshShape(), {"c2", "c3"}, who="c1")


def test_an_istiod_that_tells_nothing_is_not_taken_to_have_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SCALE_VARIABLE, "0")
    silent = FakeKube(OLD, log=ApiError("GET log", 403, "forbidden"))
    with pytest.raises(NotConverged, match=r"nothing: no metric, no debug page, GET log: 403"):
        ready.links(cast("Kube", silent), MeshShape(), {"c2"}, who="c1")
    with pytest.raises(NotConverged, match=r"last saw \[\]"):
        ready.links(cast("Kube", FakeKube(istiods=())), MeshShape(), {"c2"}, who="c1")
