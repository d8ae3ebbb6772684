from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.artifacts import Artifact
from harness.kube import Manifest
from harness.meshes.istio import IstioMesh, mesh
from harness.model import ClusterSpec, NetworkSpec, Program, Topology
from harness.phases import Phases

TWO = Topology(
    name="two",
    title="two primaries on two networks",
    networks=(NetworkSpec(name="network1", cidr=None), NetworkSpec(name="network2", cidr=None)),
    clusters=(
        ClusterSpec(name="cluster1", network="network1"),
        ClusterSpec(name="cluster2", network="network2"),
    ),
)

ISTIOCTL = Program(name="istioctl", version="1.32-alpha+x", source="module", sha256="5ea1")


@pytest.fixture
def two() -> Topology:
    return TWO


@pytest.fixture
def istio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> IstioMesh:
    """A mesh whose istioctl is a script that renders next to nothing."""
    program = tmp_path / "istioctl"
    rendered = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: istiod}\n"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\nprintf '{rendered!s}'\n", "utf-8")
    program.chmod(0o755)

    def ensure(
        names: list[str], phases: Phases, versions: Mapping[str, str]
    ) -> dict[str, Artifact]:
        assert names == ["istioctl"]
        return {"istioctl": Artifact(ISTIOCTL, program)}

    monkeypatch.setattr(mesh, "ensure", ensure)
    monkeypatch.setenv("MESHPROOF_HOME", str(tmp_path / "home"))
    return IstioMesh()


@pytest.fixture
def injector() -> Manifest:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "istio-sidecar-injector", "labels": {"istio.io/rev": "default"}},
        "webhooks": [
            {
                "name": "namespace.sidecar-injector.istio.io",
                "namespaceSelector": {"matchLabels": {"istio-injection": "enabled"}},
                "objectSelector": {},
            }
        ],
    }
