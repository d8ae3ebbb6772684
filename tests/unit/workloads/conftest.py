"""A cluster in memory: objects, merge patches, versions; nothing happens by itself."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from harness.kube import Kube, Manifest
from harness.model import ApiError, Cluster, ClusterPlan
from harness.workloads.site import Site

Reaction = Callable[[Manifest], None]
Key = tuple[str, str, str | None]
MANAGED = {"uid": "u", "creationTimestamp": "then", "managedFields": [{}]}


def nothing(_: Manifest) -> None:
    """How a cluster reacts to a write unless a test says more."""


class MemoryKube(Kube):
    def __init__(self) -> None:
        self.objects: dict[Key, Manifest] = {}
        self.events: list[Manifest] = []
        self.written: list[str] = []
        self.reacts: Reaction = nothing
        self.conflicts = 0
        self.refuses_patches = False

    def put(self, manifest: Manifest) -> Manifest:
        meta = manifest["metadata"]
        key = (manifest["kind"], meta["name"], meta.get("namespace"))
        version = str(int(meta.get("resourceVersion", 0)) + 1)
        stored = deepcopy(manifest)
        generation = int(version)
        stored["metadata"] |= {**MANAGED, "resourceVersion": version, "generation": generation}
        self.objects[key] = stored
        self.reacts(stored)
        return deepcopy(stored)

    def find(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        return deepcopy(self.objects.get((kind, name, namespace)))

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        found = self.find(kind, name, namespace)
        if found is None:
            raise ApiError(f"GET {name}", 404, "not found")
        return found

    def list(
        self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> "list[Manifest]":
        if kind == "Event":
            return self.events
        wanted = dict(label.split("=") for label in labels.split(",") if label)
        return [
            deepcopy(found)
            for (stored, _, place), found in self.objects.items()
            if (stored, place) == (kind, namespace)
            and wanted.items() <= found["metadata"].get("labels", {}).items()
        ]

    def apply(self, manifest: Manifest, *, manager: str = "") -> Manifest:
        self.written.append(f"apply {manifest['metadata']['name']}")
        return self.put(manifest)

    def create(self, manifest: Manifest) -> Manifest:
        self.written.append(f"create {manifest['metadata']['name']}")
        return self.put(manifest)

    def replace(self, manifest: Manifest) -> Manifest:
        if self.conflicts:
            self.conflicts -= 1
            raise ApiError("PUT", 409, "conflict")
        self.written.append(f"replace {manifest['metadata']['name']}")
        return self.put(manifest)

    def patch(
        self,
        kind: str,
        name: str,
        patch: Manifest,
        namespace: str | None = None,
        *,
        subresource: str = "",
    ) -> Manifest:
        if self.refuses_patches:
            raise ApiError(f"PATCH {name}", 422, "immutable")
        self.written.append(f"patch {name}")
        return self.put(merged(self.get(kind, name, namespace), patch))

    def delete(
        self,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        grace: int | None = None,
        uid: str = "",
    ) -> bool:
        self.written.append(f"delete {name}")
        return self.objects.pop((kind, name, namespace), None) is not None

    def logs(self, pod: str, namespace: str, container: str = "", *, tail: int = 0) -> str:
        return "first\nlast words\n"


def merged(target: Manifest, patch: Manifest) -> Manifest:
    """RFC 7396."""
    result = deepcopy(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, dict) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def config(name: str = "c", **data: Any) -> Manifest:
    metadata = {"name": name, "namespace": "sample"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.fixture
def kube() -> MemoryKube:
    return MemoryKube()


@pytest.fixture
def site(kube: MemoryKube) -> Site:
    cluster = Cluster(name="c1", network="n1", kubeconfig="", server="", version="v1.34.4")
    plan = ClusterPlan(
        name="c1", network="n1", nodes=(), pods="", services="", dns="", load_balancers=()
    )
    return Site(cluster, plan, kube)
