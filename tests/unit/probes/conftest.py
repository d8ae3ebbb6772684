from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.kube import Answer, Manifest
from harness.meshes.base import UPSTREAM_SHAPE, MeshShape
from harness.model import Gateway, Topology, structure
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
        body = asked.body or {}
        told = [str(body[key]) for key in ("url", "headers", "host") if key in body]
        return self.pages[" ".join([page, *told])]


TWO = Topology.model_validate(
    {
        "name": "two",
        "title": "Two clusters, one with a gateway",
        "networks": [{"name": "near"}],
        "clusters": [{"name": "c1", "network": "near"}, {"name": "c2", "network": "near"}],
        "gateways": [{"cluster": "c1"}],
    }
)


@dataclass(frozen=True)
class Cluster:
    """A place."""

    kube: ScriptedKube = field(default_factory=ScriptedKube)
    name: str = "c1"
    shape: MeshShape = UPSTREAM_SHAPE

    @property
    def config(self) -> "Cluster":
        return self

    @property
    def gateways(self) -> tuple[Gateway, ...]:
        return structure.gateways(TWO)

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
