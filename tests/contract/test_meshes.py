from pathlib import Path

import pytest

from harness.artifacts import Artifact
from harness.meshes.base import Mesh
from harness.meshes.contract import MeshContract
from harness.meshes.istio import IstioMesh, mesh
from harness.meshes.none import NoMesh
from harness.model import Program


class TestNoMesh(MeshContract):
    @pytest.fixture
    def mesh(self) -> Mesh:
        return NoMesh()


@pytest.mark.parametrize("by_istioctl", [False, True])
class TestIstio(MeshContract):
    @pytest.fixture
    def mesh(self, by_istioctl: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Mesh:
        program = tmp_path / "istioctl"
        program.write_text("#!/bin/sh\ncat >/dev/null\n", "utf-8")
        program.chmod(0o755)
        known = Program(name="istioctl", version="1.32", source="module", sha256="5ea1")
        found = {"istioctl": Artifact(known, program)}
        monkeypatch.setattr(mesh, "ensure", lambda names, phases, versions: found)
        monkeypatch.setenv("MESHPROOF_HOME", str(tmp_path))
        return IstioMesh(by_istioctl=by_istioctl)
