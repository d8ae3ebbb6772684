"""What an engine leaves beside its data, in files and in control groups."""

import json
from pathlib import Path

import pytest

from harness import files
from harness.converge import Budget
from harness.model import MachineError
from harness.providers.offline.engine import cgroups, leftovers, traces

NAME = "meshproof-ab"


def test_control_groups_are_removed_from_every_hierarchy_with_those_beneath(
    tmp_path: Path,
) -> None:
    for path in (f"cpu/{NAME}/one/inner", f"memory/{NAME}", f"{NAME}/x", "cpu/docker/two"):
        (tmp_path / path).mkdir(parents=True)
    cgroups.remove(NAME, tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("**/*")) == [
        "cpu",
        "cpu/docker",
        "cpu/docker/two",
        "memory",
    ]


def test_no_control_group_is_no_trouble(tmp_path: Path) -> None:
    cgroups.remove(NAME, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_control_group_in_use_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_SOON", Budget(timeout=0.05, interval=0.01))
    (tmp_path / NAME / "used").mkdir(parents=True)
    (tmp_path / NAME / "used/process").touch()
    with pytest.raises(MachineError, match="used"):
        cgroups.remove(NAME, tmp_path)


def test_files_that_were_not_there_before_are_removed(tmp_path: Path) -> None:
    memory, root = tmp_path / "absent.json", tmp_path / "root"
    (root / "etc/docker").mkdir(parents=True)
    (root / "opt").mkdir()
    traces.note(memory, root)
    (root / "etc/docker/key.json").touch()
    (root / "opt/containerd/bin").mkdir(parents=True)
    traces.erase(memory, root)
    assert (root / "etc/docker").is_dir()
    assert not (root / "etc/docker/key.json").exists()
    assert not (root / "opt/containerd").exists()


def test_files_that_were_there_before_stay(tmp_path: Path) -> None:
    memory, root = tmp_path / "absent.json", tmp_path / "root"
    (root / "opt/containerd/bin").mkdir(parents=True)
    (root / "etc/docker").mkdir(parents=True)
    (root / "etc/docker/key.json").touch()
    traces.note(memory, root)
    traces.erase(memory, root)
    assert (root / "etc/docker/key.json").exists()
    assert (root / "opt/containerd/bin").exists()


def test_directories_that_others_have_filled_stay(tmp_path: Path) -> None:
    memory, root = tmp_path / "absent.json", tmp_path / "root"
    traces.note(memory, root)
    (root / "opt/containerd/lib").mkdir(parents=True)
    (root / "opt/containerd/lib/plugin").touch()
    traces.erase(memory, root)
    assert (root / "opt/containerd/lib/plugin").exists()


def test_files_of_an_engine_that_came_later_stay(tmp_path: Path) -> None:
    memory, root = tmp_path / "absent.json", tmp_path / "root"
    traces.note(memory, root)
    (root / "opt/containerd/bin").mkdir(parents=True)
    traces.own(memory, root)
    (root / "etc/docker").mkdir(parents=True)
    (root / "etc/docker/key.json").touch()
    traces.erase(memory, root)
    assert (root / "etc/docker/key.json").exists()
    assert not (root / "opt/containerd").exists()


def test_a_file_that_was_replaced_meanwhile_stays(tmp_path: Path) -> None:
    memory, root = tmp_path / "absent.json", tmp_path / "root"
    traces.note(memory, root)
    (root / "etc/docker").mkdir(parents=True)
    key = root / "etc/docker/key.json"
    key.touch()
    traces.own(memory, root)
    files.publish(key, "of another engine")
    traces.erase(memory, root)
    assert key.read_text() == "of another engine"


def test_without_a_memory_nothing_is_removed(tmp_path: Path) -> None:
    (tmp_path / "opt/containerd").mkdir(parents=True)
    traces.erase(tmp_path / "absent.json", tmp_path)
    assert (tmp_path / "opt/containerd").exists()


def test_containers_of_a_killed_engine_are_not_started_again(tmp_path: Path) -> None:
    policy = {"Name": "on-failure", "MaximumRetryCount": 1}
    for name, text in {
        "good": json.dumps({"RestartPolicy": policy, "Privileged": True}),
        "broken": "{",
        "other": "[]",
    }.items():
        (tmp_path / "containers" / name).mkdir(parents=True)
        (tmp_path / "containers" / name / "hostconfig.json").write_text(text)
    leftovers.calm(tmp_path)
    config = json.loads((tmp_path / "containers/good/hostconfig.json").read_text())
    assert config == {
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "Privileged": True,
    }
    assert (tmp_path / "containers/broken/hostconfig.json").read_text() == "{"
