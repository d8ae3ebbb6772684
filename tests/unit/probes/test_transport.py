"""The way to an agent in a pod, and the token that opens its door."""

from base64 import b64encode
from dataclasses import dataclass, field

import pytest

from harness.kube import Answer, Manifest
from harness.model import ApiError
from harness.probes.access import HEADER, SECRET, grant
from harness.probes.transport import PodTransport
from harness.shell import redact
from tests.unit.pods import Asked, PodKube


@dataclass(eq=False)
class Guarded(PodKube):
    """A cluster whose Secret and whose agent may know different tokens."""

    held: str = "first"
    wanted: str = "first"
    asked: list[Asked] = field(default_factory=list)
    reads: int = 0
    made: list[Manifest] = field(default_factory=list)
    conflict: bool = False

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        assert (kind, name) == ("Secret", SECRET)
        self.reads += 1
        return {"data": {"token": b64encode(self.held.encode()).decode()}}

    def find(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        assert (kind, name) == ("Secret", SECRET)
        return self.made[-1] if self.made else None

    def create(self, manifest: Manifest) -> Manifest:
        if self.conflict:
            raise ApiError("POST secrets", 409, "already exists")
        self.made.append(manifest)
        return manifest

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return Answer(200 if asked.headers == {HEADER: self.wanted} else 403, b"")


def ask(kube: Guarded, pod: str = "echo-1") -> int:
    return PodTransport(kube, "sample", pod).ask("POST", "/call", {"url": "http://x"}).status


def test_every_request_shows_the_token_which_is_read_once() -> None:
    kube = Guarded()
    assert (ask(kube), ask(kube, "echo-2")) == (200, 200)
    assert kube.reads == 1
    first = kube.asked[0]
    assert (first.method, first.pod, first.port, first.path) == ("POST", "echo-1", 9001, "/call")
    assert first.body == {"url": "http://x"}


def test_a_new_token_is_read_when_the_old_one_is_refused() -> None:
    kube = Guarded()
    assert ask(kube) == 200
    kube.held = kube.wanted = "second"
    assert ask(kube) == 200
    assert kube.reads == 2


def test_a_refusal_of_the_right_token_stays_one() -> None:
    kube = Guarded(wanted="another")
    assert ask(kube) == 403
    assert len(kube.asked) == 1


def test_a_namespace_gets_one_random_token() -> None:
    kube = Guarded()
    grant(kube, "sample")
    grant(kube, "sample")
    (secret,) = kube.made
    assert secret["metadata"] == {"name": SECRET, "namespace": "sample"}
    other = Guarded()
    grant(other, "sample")
    token = secret["stringData"]["token"]
    assert token != other.made[0]["stringData"]["token"]
    assert len(token) > 40


def test_of_two_who_grant_at_once_either_is_right() -> None:
    slower = Guarded(conflict=True)
    grant(slower, "sample")
    assert slower.made == []


@pytest.mark.parametrize("shown", ["x-meshproof-token: {}", '{{"CONTROL_TOKEN": "{}"}}', "at {},"])
def test_no_text_keeps_a_token(shown: str) -> None:
    kube = Guarded()
    grant(kube, "sample")
    token = kube.made[0]["stringData"]["token"]
    for secret in (token, b64encode(token.encode()).decode()):
        assert secret[6:] not in redact(shown.format(secret))
    assert redact("an attempt-that-is-no-secret-at-all") == "an attempt-that-is-no-secret-at-all"
