from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.kube import Answer, Manifest
from harness.meshes.base import UPSTREAM_SHAPE, MeshShape
from tests.unit.pods import Asked, PodKube


class ScriptedKube(PodKube):
    """Answers what was prepared and refuses anything else."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str | None], Manifest] = {}
        self.listings: dict[tuple[str, str | None, str], list[Manifest]] = {}
        self.pages: dict[str, Answer] = {}
        self.log = ""

    def find(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        return self.objects.get((kind, name, namespace))

    def list(
        self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> "list[Manifest]":
        return self.listings[kind, namespace, labels]

    def logs(self, pod: str, namespace: str, container: str = "", *, tail: int = 0) -> str:
        return self.log

    def token(
        self,
        account: str,
        namespace: str,
        *,
        audience: str = "",
        seconds: int = 3600,
        bound_to: tuple[str, str] | None = None,
    ) -> str:
        assert audience == "istio-ca"
        whose = account if namespace == "istio-system" else f"{namespace}-{account}"
        return f"token-of-{whose}"

    def answer(self, asked: Asked) -> Answer:
        page = f"{asked.method} {asked.pod}:{asked.port}{asked.path}"
        body = asked.body
        return self.pages[f"{page} {body['url']} {body['headers']}" if body else page]


@dataclass(frozen=True)
class Cluster:
    """A place."""

    kube: ScriptedKube = field(default_factory=ScriptedKube)
    name: str = "c1"
    shape: MeshShape = UPSTREAM_SHAPE

    @property
    def config(self) -> "Cluster":
        return self

    def pods(self, namespace: str, app: str) -> list[Manifest]:
        raise AssertionError("nobody should ask")


def ready(name: str, namespace: str, *, containers: int = 1, **metadata: Any) -> Manifest:
    conditions = [{"type": "Ready", "status": "True"}]
    return {
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "spec": {"serviceAccountName": "istiod", "containers": [{}] * containers},
        "status": {"podIP": "10.1.0.9", "conditions": conditions},
    }


@pytest.fixture
def place() -> Cluster:
    return Cluster()
