"""A sabotage gets what its check was given, or says what it lacks."""

import pytest

from harness.meshes.none import NoMesh
from harness.model import HarnessError, Topology, plan_networks
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.paper import PaperProvider
from harness.sabotages.scene import Scene


@pytest.fixture
def scene() -> Scene:
    topology = Topology.model_validate(
        {
            "name": "one",
            "title": "t",
            "networks": [{"name": "blue"}],
            "clusters": [{"name": "east", "network": "blue"}],
        }
    )
    provider = PaperProvider()
    plan = plan_networks(topology)
    lab = provider.up(topology, plan, Phases(say=lambda _: None), RaiseOptions())
    provider.down(lab)
    return Scene(lab, NoMesh(""), provider, (), fixtures={"token": "word"})


def test_a_value_of_the_check_is_given(scene: Scene) -> None:
    assert scene.given("token", str) == "word"


@pytest.mark.parametrize(("name", "kind"), [("token", int), ("absent", str)])
def test_another_value_than_it_needs_spoils_the_sabotage(
    scene: Scene, name: str, kind: type[object]
) -> None:
    with pytest.raises(HarnessError, match=f"a {kind.__name__} '{name}'"):
        scene.given(name, kind)
