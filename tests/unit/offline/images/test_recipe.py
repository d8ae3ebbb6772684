"""The tag of an image says whether the image is still what would be made now."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.artifacts import components, manifest, supply
from harness.artifacts.home import BUNDLE_VARIABLE
from harness.artifacts.manifest import Artifact
from harness.model import ConfigError, Program
from harness.providers.fabric.images import workloads
from harness.providers.offline.images import catalogue, recipe

from .mesh import MESH, RELEASE


def copied(tree: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work on a copy of the sources of a tree."""
    shutil.copytree(tree, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def test_nothing_changed_makes_the_same_tag() -> None:
    assert recipe.recipe(MESH) == recipe.recipe(MESH)
    assert recipe.recipe(MESH).node.startswith("meshproof/node:v1.34.4-")


@pytest.mark.parametrize("component", ["coredns", "debian", "envoy", "etcd", "pause"])
def test_another_version_of_any_component_makes_another_tag(component: str) -> None:
    assert recipe.recipe(MESH, {component: "9.9.9"}).tag != recipe.recipe(MESH).tag


def test_another_version_of_the_mesh_makes_another_tag() -> None:
    assert recipe.recipe(RELEASE).tag != recipe.recipe(MESH).tag
    assert recipe.recipe({**MESH, **RELEASE}).tag not in {
        recipe.recipe(MESH).tag,
        recipe.recipe(RELEASE).tag,
    }


def test_a_version_of_kubernetes_is_that_of_the_node_as_well() -> None:
    other = recipe.recipe(MESH, {"kubernetes": "1.33.1"})
    assert other.kubernetes == "1.33.1"
    assert other.versions["kubernetes-node"] == "1.33.1"
    assert other.node.startswith("meshproof/node:v1.33.1-")


def test_what_does_not_go_in_makes_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe.recipe(MESH)
    changed = {"kind": lambda version="9": replace(components.kind(), version=version)}
    monkeypatch.setattr(components, "NODE_COMPONENTS", {**components.NODE_COMPONENTS, **changed})
    assert recipe.recipe(MESH).tag == before.tag


def test_another_way_of_making_a_program_makes_another_tag(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = recipe.recipe(MESH)
    noted = replace(components.etcd(), note="made in another way")
    monkeypatch.setattr(components, "COMPONENTS", {**components.COMPONENTS, "etcd": lambda: noted})
    assert recipe.recipe(MESH).tag != before.tag


def test_a_change_of_what_runs_in_nodes_makes_another_tag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recipe.recipe(MESH)
    own = copied(catalogue.NODE_SOURCE, tmp_path / "node", monkeypatch)
    monkeypatch.setattr(catalogue, "NODE_SOURCE", own)
    assert recipe.recipe(MESH).tag == before.tag
    (own / "first.py").write_text("changed")
    assert recipe.recipe(MESH).tag != before.tag


@pytest.mark.parametrize(
    ("place", "file"),
    [("/opt/meshproof/agent", "calls.py"), ("/opt/meshproof/packages/h11", "_connection.py")],
    ids=["itself", "what-it-imports"],
)
def test_a_change_of_the_agent_makes_another_tag(
    place: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recipe.recipe(MESH)
    ((name, agent),) = workloads().items()
    own = copied(agent.trees[place], tmp_path / Path(place).name, monkeypatch)
    changed = {name: replace(agent, trees={**agent.trees, place: own})}
    monkeypatch.setattr(catalogue, "workloads", lambda: changed)
    assert recipe.recipe(MESH).tag == before.tag
    (own / file).write_text("changed")
    assert recipe.recipe(MESH).tag != before.tag


@pytest.mark.parametrize(("version", "same"), [("3.6.16", True), ("3.6.99", False)])
def test_a_bundle_counts_if_it_brings_another_version(
    version: str, same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = recipe.recipe(MESH)
    built = tmp_path / "etcd"
    built.write_text("etcd")
    program = Program(name="etcd", version=version, source="", sha256=manifest.digest(built))
    manifest.write(tmp_path / "bundle", [Artifact(program, built)])
    monkeypatch.setenv(BUNDLE_VARIABLE, str(tmp_path / "bundle"))
    assert (recipe.recipe(MESH).tag == before.tag) is same


def test_a_component_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="no component is called linux"):
        recipe.recipe(MESH, {"linux": "6"})


def test_what_every_lab_needs_does_not_grow_by_what_nodes_need() -> None:
    assert not set(components.COMPONENTS) & set(components.NODE_COMPONENTS)
    slots = recipe.wanted(catalogue.pod_images(MESH))
    assert {catalogue.of_slot(slot)[0] for slot in slots} <= set(
        supply.owned([*components.COMPONENTS, *components.NODE_COMPONENTS], components.table({}))
    )
