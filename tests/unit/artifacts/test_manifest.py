import json
from pathlib import Path

import pytest

from harness.artifacts import manifest
from harness.artifacts.manifest import Artifact
from harness.model import ConfigError, MachineError, Program


def artifact(directory: Path, name: str = "etcd", text: str = "program") -> Artifact:
    path = directory / f"{name}.built"
    path.write_text(text)
    program = Program(name=name, version="1", source="test", sha256=manifest.digest(path))
    return Artifact(program, path)


def test_a_bundle_is_read_wherever_it_is_carried(tmp_path: Path) -> None:
    manifest.write(tmp_path / "here", [artifact(tmp_path)])
    (tmp_path / "here").rename(tmp_path / "there")
    found = manifest.read(tmp_path / "there")["etcd"]
    assert found.path == tmp_path / "there" / "etcd"
    assert manifest.trusted(found).path.read_text() == "program"


def test_files_that_lie_in_the_directory_are_listed_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir(mode=0o700)
    manifest.write(tmp_path, [artifact(tmp_path / "bin")])
    path = manifest.read(tmp_path)["etcd"].path
    assert path == tmp_path / "bin" / "etcd.built"
    assert path.stat().st_mode & 0o777 == 0o755
    assert path.parent.stat().st_mode & 0o777 == 0o755


def test_a_file_that_is_not_the_listed_one_is_refused(tmp_path: Path) -> None:
    manifest.write(tmp_path, [artifact(tmp_path)])
    found = manifest.read(tmp_path)["etcd"]
    manifest.trusted(found)
    found.path.write_text("changed")
    with pytest.raises(MachineError, match=r"sha256 differs.*make that directory anew"):
        manifest.trusted(found)
    assert manifest.damaged([found]) == [
        f"{found.path}: not the file that was listed (sha256 differs)"
    ]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    manifest.write(tmp_path, [artifact(tmp_path)])
    found = manifest.read(tmp_path)["etcd"]
    found.path.unlink()
    with pytest.raises(MachineError, match="missing"):
        manifest.trusted(found)
    assert manifest.damaged([found]) == [f"{found.path}: missing"]


def test_a_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest.write(tmp_path, [artifact(tmp_path)])
    found = manifest.read(tmp_path)["etcd"]
    first = manifest.trusted(found)
    monkeypatch.setattr(manifest, "digest", lambda _: pytest.fail("hashed again"))
    assert manifest.trusted(found) == first


def test_a_directory_without_a_list_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"manifest\.json:\n  - No such file"):
        manifest.read(tmp_path)


def test_a_malformed_list_is_refused_with_every_reason(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"files": [{"file": 3, "size": 4}]}')
    with pytest.raises(ConfigError) as caught:
        manifest.read(tmp_path)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("file", ["/bin/sh", "../sh", "bin/../../sh", "linked/sh"])
def test_an_entry_that_points_out_of_the_directory_is_refused(tmp_path: Path, file: str) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "bin").mkdir(parents=True)
    (bundle / "linked").symlink_to("/bin")
    (tmp_path / "sh").write_text("outside")
    program = {"name": "sh", "version": "1", "source": "", "sha256": ""}
    entries = [{"file": "bin/etcd", "program": program}, {"file": file, "program": program}]
    (bundle / "manifest.json").write_text(json.dumps({"files": entries}))
    with pytest.raises(ConfigError) as caught:
        manifest.read(bundle)
    assert caught.value.source == str(bundle / "manifest.json")
    assert caught.value.problems == (f"sh: {file} lies outside of it",)
