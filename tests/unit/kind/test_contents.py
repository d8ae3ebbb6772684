"""What machines have of images."""

import io
import tarfile
from pathlib import Path

import pytest

from harness import artifacts
from harness.artifacts import Artifact
from harness.model import Program
from harness.model.images import ImageTable, Programs, Reference
from harness.phases import Phases
from harness.providers.kind.contents import Contents, contents


@pytest.fixture
def program(tmp_path: Path) -> Path:
    made = tmp_path / "pilot-agent"
    made.write_text("#!/bin/sh\n")
    made.chmod(0o755)
    return made


def test_files_lie_where_a_pod_has_them(program: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "agent.py").write_text("")
    (tmp_path / "tree" / "notes.txt").write_text("")
    found = Contents(
        files={"/usr/local/bin/pilot-agent": program},
        trees={"/opt/meshproof/agent": tmp_path / "tree"},
        writable=("/etc/istio/proxy",),
    )
    out = io.BytesIO()
    found.pack(out)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        modes = {member.name: member.mode for member in tar}
    assert modes["usr/local/bin/pilot-agent"] == 0o755
    assert modes["opt/meshproof/agent/agent.py"] == 0o644
    assert modes["etc/istio/proxy"] == 0o777
    assert "opt/meshproof/agent/notes.txt" not in modes
    names = list(modes)
    assert names.index("usr/local/bin") < names.index("usr/local/bin/pilot-agent")


def test_only_what_is_made_of_programs_can_be_had(
    program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = Program(name="pilot-agent", version="1", source="module", sha256="5ea1")
    found = {"pilot-agent": Artifact(known, program)}
    monkeypatch.setattr(artifacts, "ensure", lambda names, phases, versions: found)
    table: ImageTable = {
        "x/proxy:1": Programs(files={"/usr/local/bin/pilot-agent": "pilot-agent"}),
        "x/dns:1": Programs(bare=True),
        "x/registry:1": Reference("y/registry:1"),
    }
    had = contents(table, Phases())
    assert list(had) == ["x/proxy:1"]
    assert Contents.model_validate_json(had["x/proxy:1"].model_dump_json()) == had["x/proxy:1"]
