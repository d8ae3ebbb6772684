from pathlib import Path

import pytest

from harness.artifacts import ensure, manifest, space, store, supply
from harness.artifacts.components import known, make, table
from harness.artifacts.home import BUNDLE_VARIABLE
from harness.artifacts.manifest import Artifact
from harness.artifacts.module import Module
from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Component, Made
from harness.model import ConfigError, MachineError, Program
from harness.phases import Phases


def fake(name: str, version: str, directory: Path) -> Artifact:
    path = directory / f"{name}-{version}"
    path.write_text(name)
    program = Program(name=name, version=version, source="fake", sha256=manifest.digest(path))
    return Artifact(program, path)


def quiet() -> Phases:
    return Phases(say=lambda _: None)


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
    found = ensure(["etcd", "envoy"], quiet())
    assert found["etcd"].path == bundled / "etcd"
    assert made == ["envoy"]


def test_a_version_that_the_bundle_lacks_is_made(bundled: Path, made: list[str]) -> None:
    manifest.write(bundled, [fake("kube-proxy", "1.34.4", bundled.parent)])
    found = ensure(["kube-proxy"], quiet(), {"kubernetes": "1.36.3"})
    assert found["kube-proxy"].program.version == "1.36.3"
    assert made == ["kubernetes"]


def test_istioctl_is_had_in_the_version_of_the_mesh_under_test(made: list[str]) -> None:
    found = ensure(["istioctl"], quiet(), {"istio": "1.31-alpha.b01690e6"})
    assert found["istioctl"].program.version == "1.31-alpha.b01690e6"


def test_no_version_is_the_default(made: list[str]) -> None:
    found = ensure(["istioctl"], quiet(), {"istio": ""})
    assert found["istioctl"].program.version == known("istio")[0]


def test_a_version_that_nobody_knows_is_refused_with_those_there_are(
    bundled: Path, made: list[str]
) -> None:
    versions = {"istio": "1.29.2", "kubernetes": "1.33.1"}
    with pytest.raises(ConfigError) as caught:
        ensure(["etcd", "istioctl", "pilot-agent", "kube-proxy"], quiet(), versions)
    kubernetes, istio = sorted(caught.value.problems, reverse=True)
    assert kubernetes.startswith("no kubernetes 1.33.1 is known; there is 1.34.4, 1.34.0")
    assert istio.startswith("no istio 1.29.2 is known; there is 1.32-alpha.eed52ebb, 1.31-alpha.b0")
    assert not made


def test_a_version_that_only_a_bundle_has_is_taken_from_it(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest.write(tmp_path / "vendor", [fake("istioctl", "1.29.2", tmp_path)])
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "vendor"))
    for versions in ({}, {"istio": "1.29.2"}):
        found = ensure(["istioctl"], quiet(), versions)
        assert found["istioctl"].path == tmp_path / "vendor/istioctl"
    with pytest.raises(ConfigError, match=r"no istio 1\.29\.2 is known"):
        ensure(["istioctl", "pilot-agent"], quiet())
    assert ensure(["istioctl"], quiet(), {"istio": known("istio")[1]})
    assert made == ["istio"]


def test_what_a_bundle_lacks_of_a_component_is_of_the_bundle_s_version(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old = "1.31-alpha.b01690e6"
    parts = [fake("istioctl", old, tmp_path), fake("kube-proxy", "1.36.3", tmp_path)]
    manifest.write(tmp_path / "part", parts)
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "part"))
    found = ensure(["istioctl", "pilot-agent", "kube-proxy", "kubelet"], quiet())
    versions = {name: artifact.program.version for name, artifact in found.items()}
    assert versions == {
        "istioctl": old,
        "pilot-agent": old,
        "kube-proxy": "1.36.3",
        "kubelet": "1.36.3",
    }
    assert found["istioctl"].path == tmp_path / "part/istioctl"


def test_of_several_bundles_each_brings_its_version_and_the_first_is_preferred(
    tmp_path: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    new, old, other = known("istio")
    for version in (old, new):
        manifest.write(tmp_path / version, [fake("istioctl", version, tmp_path)])
    monkeypatch.setenv(BUNDLE_VARIABLE, f"{tmp_path / old}:{tmp_path / new}")
    assert ensure(["istioctl"], quiet())["istioctl"].path == tmp_path / old / "istioctl"
    found = ensure(["istioctl"], quiet(), {"istio": new})
    assert found["istioctl"].path == tmp_path / new / "istioctl"
    assert not made
    ensure(["istioctl"], quiet(), {"istio": other})
    assert made == ["istio"]


def test_a_changed_bundle_is_refused(bundled: Path, made: list[str]) -> None:
    (bundled / "etcd").write_text("changed")
    with pytest.raises(MachineError, match="sha256 differs"):
        ensure(["etcd"], quiet())
    assert not made


def test_programs_of_one_component_are_made_together(made: list[str]) -> None:
    found = ensure(["kube-proxy", "kube-apiserver"], quiet())
    assert list(found) == ["kube-proxy", "kube-apiserver"]
    assert made == ["kubernetes"]


def test_the_name_of_a_component_stands_for_all_its_programs(made: list[str]) -> None:
    found = ensure(["istio"], quiet())
    assert {"istioctl", "pilot-agent", "pilot-discovery", "envoy-bootstrap"} < set(found)


def test_every_unknown_name_is_told_before_anything_is_made(made: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        ensure(["etcd", "nonsense", "bogus"], quiet())
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
        ensure(["kubernetes"], quiet())
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


def test_other_versions_in_the_cache_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Module, "make", lambda recipe, bench: built(recipe, bench))
    new, old, _ = known("istio")
    for version in (new, old):
        store.made(make("istio", version), quiet())
    (other,) = supply.others(["istioctl", "etcd"])
    assert (other.program.name, other.program.version) == ("istioctl", old)
    assert other.path.read_text() == f"istioctl of {old}"
    assert [each.program.version for each in supply.others(["istioctl"], {"istio": old})] == [new]
    both = [supply.present(["istioctl"], {"istio": version}) for version in (new, old)]
    assert [each["istioctl"].path.read_text().split()[-1] for each in both] == [new, old]


def built(recipe: Module, bench: Bench) -> Made:
    """Make programs that say which version of Istio they are of."""
    files = {name: bench.place / name for name in (*recipe.commands, *recipe.files)}
    for name, path in files.items():
        path.write_text(f"{name} of {recipe.ldflags.rpartition('=')[2]}")
    return Made(files, "test")
