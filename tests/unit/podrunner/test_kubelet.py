"""Informers through lost connections, and the pods of a node that they bring to their workers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from harness.kube import Event, Manifest
from harness.model import ApiError
from harness.providers.podrunner import informer as informers
from harness.providers.podrunner.informer import Informer
from harness.providers.podrunner.kubelet import Kubelet
from harness.providers.podrunner.messages import Message, ObjectChanged, PodRemoved, PodUpdated
from harness.providers.podrunner.pod_worker import PodWorker
from tests.unit.podrunner.conftest import World, pod

Happening = tuple[str, str] | ApiError
GONE = ApiError("GET /pods", 410, "too old resource version")
AWAY = ApiError("GET /pods", 0, "connection refused")
LISTED = ("BOOKMARK", "")


@dataclass
class Connections:
    """An API whose connections each bring what was prepared, and then end or break."""

    prepared: list[Sequence[Happening]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def watch(self, kind: str, *, fields: str, initial_end: bool) -> Iterator[Event]:
        assert initial_end
        self.asked.append((kind, fields))
        for happening in self.prepared.pop(0):
            if isinstance(happening, ApiError):
                raise happening
            name, uid = happening
            yield Event(name, {"metadata": {"uid": uid}})


@dataclass
class Followed:
    """What an informer made of some connections."""

    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    pauses: int = 0


@pytest.fixture
def follow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Followed]:
    def run(*connections: Sequence[Happening]) -> Followed:
        seen = Followed()

        def pause(seconds: float, why: str) -> None:
            seen.pauses += 1

        monkeypatch.setattr(informers, "pause", pause)
        informer = Informer(
            Connections(list(connections)),
            "Pod",
            on_update=lambda manifest: seen.updated.append(manifest["metadata"]["uid"]),
            on_delete=lambda manifest: seen.deleted.append(manifest["metadata"]["uid"]),
        )
        for _ in connections:
            informer.list_and_watch()
        return seen

    return run


def test_changes_are_followed(follow: Callable[..., Followed]) -> None:
    seen = follow([("ADDED", "a"), ("ADDED", "b"), LISTED, ("DELETED", "b"), ("MODIFIED", "a")])
    assert (seen.updated, seen.deleted, seen.pauses) == (["a", "b", "a"], ["b"], 0)


def test_after_an_expired_version_all_is_listed_anew_at_once(
    follow: Callable[..., Followed],
) -> None:
    seen = follow([("ADDED", "a"), ("ADDED", "b"), LISTED, GONE], [("ADDED", "a"), LISTED])
    assert (seen.updated, seen.deleted, seen.pauses) == (["a", "b", "a"], ["b"], 0)


def test_a_version_that_expires_within_the_list_deletes_nobody(
    follow: Callable[..., Followed],
) -> None:
    whole: list[Happening] = [("ADDED", "a"), ("ADDED", "b"), LISTED]
    seen = follow(whole, [("ADDED", "b"), GONE], [GONE], whole)
    assert (seen.deleted, seen.pauses) == ([], 0)


def test_an_api_server_that_is_away_is_given_time(follow: Callable[..., Followed]) -> None:
    seen = follow([("ADDED", "a"), LISTED, AWAY], [AWAY], [("ADDED", "c"), LISTED])
    assert (seen.updated, seen.deleted, seen.pauses) == (["a", "c"], ["a"], 2)


def test_what_vanished_during_a_cut_is_gone_by_the_end_of_the_list(
    follow: Callable[..., Followed],
) -> None:
    first = [("ADDED", "a"), ("ADDED", "b"), LISTED, ("DELETED", "b")]
    cut_short = [("ADDED", "c")]
    assert follow(first, cut_short).deleted == ["b"]
    seen = follow(first, cut_short, [("ADDED", "c"), LISTED, ("MODIFIED", "c"), LISTED])
    assert seen.deleted == ["b", "a"]
    assert seen.updated == ["a", "b", "c", "c", "c"]


# The kubelet


@pytest.fixture
def queued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Message]]:
    """What workers were told (by the uid of their pod); none of them really starts."""
    messages: list[tuple[str, Message]] = []

    def enqueue(worker: PodWorker, message: Message) -> None:
        messages.append((worker.pod["metadata"]["uid"], message))

    monkeypatch.setattr(PodWorker, "start", lambda worker: None)
    monkeypatch.setattr(PodWorker, "enqueue", enqueue)
    return messages


def named(uid: str, namespace: str = "n", **spec: object) -> Manifest:
    manifest = pod(**spec)
    manifest["metadata"] |= {"uid": uid, "namespace": namespace}
    return manifest


def test_a_kubelet_watches_the_pods_of_its_node_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Informer, "start", Informer.list_and_watch)
    api = Connections([[], [], []])
    Kubelet(api, world.runtime).run()
    assert api.asked == [("Pod", "spec.nodeName=node1"), ("ConfigMap", ""), ("Secret", "")]


def test_a_pod_is_told_of_its_changes_and_of_its_removal(
    world: World, queued: list[tuple[str, Message]]
) -> None:
    kubelet = Kubelet(Connections(), world.runtime)
    manifest = named("u-1")
    kubelet.pod_updated(manifest)
    assert queued == []
    kubelet.pod_updated(manifest)
    kubelet.pod_deleted(manifest)
    kubelet.pod_deleted(manifest)
    assert queued == [("u-1", PodUpdated(manifest)), ("u-1", PodRemoved())]
    assert kubelet.find("n", "p") is None


def test_a_changed_object_is_told_to_those_that_show_it(
    world: World, queued: list[tuple[str, Message]]
) -> None:
    kubelet = Kubelet(Connections(), world.runtime)
    volumes = [{"name": "v", "configMap": {"name": "m"}}]
    shows, other = (named("shows", volumes=volumes), named("other", "elsewhere", volumes=volumes))
    for manifest in (shows, named("not"), other):
        kubelet.pod_updated(manifest)
    kubelet.object_changed("ConfigMap", "m", "n")
    kubelet.object_changed("Secret", "m", "n")
    assert queued == [("shows", ObjectChanged("ConfigMap", "m"))]


def test_a_namesake_that_took_a_pods_place_is_the_one_that_is_found(
    world: World, queued: list[tuple[str, Message]]
) -> None:
    kubelet = Kubelet(Connections(), world.runtime)
    kubelet.pod_updated(named("old"))
    kubelet.pod_updated(named("new"))
    found = kubelet.find("n", "p")
    assert found is not None
    assert found.pod["metadata"]["uid"] == "new"
    assert queued == []


def test_a_worker_that_is_done_is_dropped_with_the_next_pod(
    world: World, queued: list[tuple[str, Message]]
) -> None:
    kubelet = Kubelet(Connections(), world.runtime)
    kubelet.pod_updated(named("old"))
    worker = kubelet.find("n", "p")
    assert worker is not None
    worker.done = True
    kubelet.pod_updated(named("new", "elsewhere"))
    assert kubelet.find("n", "p") is None
    assert queued == []
