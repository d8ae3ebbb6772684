"""Which versions there are, and that each is made of what belongs to it."""

import pytest

from harness.artifacts.components import COMPONENTS, NODE_COMPONENTS, istio, known, kubernetes, make
from harness.artifacts.components import table as whole
from harness.artifacts.module import Module
from harness.artifacts.recipes import Component
from harness.model import ConfigError

APRIL = "v0.0.0-20260423205519-b01690e6db7d"


def module(component: Component) -> Module:
    assert isinstance(component.recipe, Module)
    return component.recipe


def test_every_known_version_has_a_recipe_and_a_place_of_its_own() -> None:
    names = [*COMPONENTS, *NODE_COMPONENTS]
    everything = [make(name, version) for name in names for version in known(name)]
    assert len({component.label for component in everything}) == len(everything) == 30
    assert all(make(name) == make(name, known(name)[0]) for name in names)


def test_programs_and_files_of_istio_are_of_one_revision() -> None:
    april = istio("1.31-alpha.b01690e6")
    recipe = module(april)
    assert recipe.version == APRIL
    assert recipe.ldflags.endswith("version.buildVersion=1.31-alpha.b01690e6")
    assert set(april.programs) == {*recipe.commands, *recipe.files}
    assert {"envoy-bootstrap", "istio-crds"} == set(recipe.files)


def test_what_is_replaced_is_told_with_what_is_raised() -> None:
    april = istio("1.31-alpha.b01690e6")
    assert module(april).replaced
    assert f"replaced: {module(april).replaced[0]}" in april.note
    assert "istio.io/api@v1.31.1" in april.note
    assert "replaced" not in istio().note


@pytest.mark.parametrize(
    ("component", "alias", "version"),
    [
        ("istio", APRIL, "1.31-alpha.b01690e6"),
        ("kubernetes", "v1.36.3", "1.36.3"),
        ("etcd", "v3.6.16", "3.6.16"),
    ],
)
def test_a_version_may_be_called_by_its_module_s(component: str, alias: str, version: str) -> None:
    assert make(component, alias) == make(component, version)


@pytest.mark.parametrize(
    ("version", "modules"), [("1.34.0", 31), ("1.35.4", 31), ("1.36.1", 33), ("1.37.2", 33)]
)
def test_kubernetes_takes_the_staging_modules_of_its_own_minor(version: str, modules: int) -> None:
    replaced = module(kubernetes(version)).replaced
    assert len(replaced) == modules
    assert all(each.endswith(f"@v0.{version[2:]}") for each in replaced)
    assert any("cri-streaming" in each for each in replaced) is (modules == 33)


def test_nodes_are_of_the_control_plane_s_version_unless_they_are_named() -> None:
    def nodes(**versions: str) -> str:
        asked = {name.replace("_", "-"): version for name, version in versions.items()}
        return next(each.version for each in whole(asked) if each.name == "kubernetes-node")

    assert nodes(kubernetes="1.36.3") == "1.36.3"
    assert nodes(kubernetes="1.36.3", kubernetes_node="1.35.4") == "1.35.4"
    assert nodes() == known("kubernetes-node")[0]


def test_a_version_that_only_others_may_have_is_not_made_here() -> None:
    with pytest.raises(ConfigError, match=r"no envoy 9\.9\.9 is known; there is 1\.39\.3"):
        make("envoy", "9.9.9").recipe.make(None)  # type: ignore[arg-type] # it refuses first


def test_a_component_that_nobody_knows_has_no_versions() -> None:
    with pytest.raises(ConfigError, match="no component is called linux"):
        known("linux")
