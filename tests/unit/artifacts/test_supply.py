from pathlib import Path

import pytest

from harness.artifacts import ensure, manifest, space, store, supply
from harness.artifacts.components import table
from harness.artifacts.home import BUNDLE_VARIABLE
from harness.artifacts.manifest import Artifact
from harness.artifacts.recipes import Component
from harness.model import ConfigError, MachineError, Program
from harness.phases import Phases


def fake(name: str, version: str, directory: Path) -> Artifact:
    path = directory / f"{name}-{version}"
    path.write_text(name)
    program = Program(name=name, version=version, source="fake", sha256=manifest.digest(path))
    return Artifact(program, path)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace making by a fake; returns the names of what was made."""
    names: list[str] = []

    def make(component: Component, _: Phases) -> dict[str, Artifact]:
        names.append(component.name)
        return {name: fake(name, component.version, tmp_path) for name in component.programs}

    monkeypatch.setattr(store, "made", make)
    monkeypatch.setattr(space, "free", lambda _: 100_000)
    return names


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bundle"
    manifest.write(directory, [fake("etcd", "3.6.16", tmp_path)])
    monkeypatch.setenv(BUNDLE_VARIABLE, str(directory))
    return directory


def test_what_the_bundle_has_is_not_made(bundled: Path, made: list[str]) -> None:
    found = ensure(["etcd", "envoy"], Phases(say=lambda _: None))
    assert found["etcd"].path == bundled / "etcd"
    assert made == ["envoy"]


def test_a_version_that_the_bundle_lacks_is_made(bundled: Path, made: list[str]) -> None:
    found = ensure(["etcd"], Phases(say=lambda _: None), {"etcd": "3.6.17"})
    assert found["etcd"].program.version == "3.6.17"
    assert made == ["etcd"]


def test_a_changed_bundle_is_refused(bundled: Path, made: list[str]) -> None:
    (bundled / "etcd").write_text("changed")
    with pytest.raises(MachineError, match="sha256 differs"):
        ensure(["etcd"], Phases(say=lambda _: None))
    assert not made


def test_programs_of_one_component_are_made_together(made: list[str]) -> None:
    found = ensure(["kube-proxy", "kube-apiserver"], Phases(say=lambda _: None))
    assert list(found) == ["kube-proxy", "kube-apiserver"]
    assert made == ["kubernetes"]


def test_the_name_of_a_component_stands_for_all_its_programs(made: list[str]) -> None:
    found = ensure(["istio"], Phases(say=lambda _: None))
    assert {"istioctl", "pilot-agent", "pilot-discovery", "envoy-bootstrap"} < set(found)


def test_every_unknown_name_is_told_before_anything_is_made(made: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        ensure(["etcd", "nonsense", "bogus"], Phases(say=lambda _: None))
    assert caught.value.problems == ("nothing is called bogus", "nothing is called nonsense")
    assert not made


def test_what_will_be_made_is_said_with_an_estimate(made: list[str], said: list[str]) -> None:
    ensure(["istio", "etcd"], Phases(say=said.append))
    assert "to be made: istio" in said[0]
    assert " min without caches" in said[0]


def test_too_little_space_is_found_before_anything_is_made(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "free", lambda _: 1000)
    with pytest.raises(MachineError, match=r"1\.0 GB free for .* builds need 3\.5 GB; make room"):
        ensure(["kubernetes"], Phases(say=lambda _: None))
    assert not made


def test_what_is_there_is_found_without_making_anything(bundled: Path, made: list[str]) -> None:
    assert list(supply.present(["etcd", "envoy"])) == ["etcd"]
    assert not made


def test_the_note_names_raised_requirements_of_the_default_istio() -> None:
    (istio,) = (component for component in table({}) if component.name == "istio")
    assert "istio.io/api@v1.31.1" in istio.note
    assert "raised" not in table({"istio": "v0.0.1"})[-1].note


def test_a_version_of_an_unknown_component_is_refused() -> None:
    with pytest.raises(ConfigError, match="no component is called linux"):
        table({"linux": "6"})


def test_free_space_is_told_for_a_place_that_does_not_exist_yet(tmp_path: Path) -> None:
    assert space.free(tmp_path / "not" / "there") > 0


def test_builds_write_to_the_caches_that_the_environment_names() -> None:
    places = space.places({"GOCACHE": "/a", "GOPATH": "/b"})
    assert places[1:] == [Path("/a"), Path("/b/pkg/mod")]
