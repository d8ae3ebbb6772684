"""A mesh and a provider that write down what is asked of them, and can be told to misbehave.

TOY_BREAK=STEP raises in a step, TOY_HANG=STEP stays in it until interrupted; steps are
prepare, up, install, down. TOY_VERSION is what the mesh calls itself. What is in the file
``incidents`` has befallen the lab.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from harness.meshes.base import MeshShape
from harness.meshes.installation import Installation
from harness.model import Lab, NetworkPlan, Program, Topology
from harness.model.images import ImageTable
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.paper import PaperProvider

HERE = Path(__file__).parent


def step(name: str) -> None:
    with (HERE / "log").open("a") as log:
        log.write(name + "\n")
    if os.environ.get("TOY_BREAK") == name:
        raise OSError(f"{name} is broken, token: eyJhbGciOiJSUzI1.eyJzdWIiOiJ0b3kifQ.c2lnbmF0dXJl")
    if os.environ.get("TOY_HANG") == name:
        del os.environ["TOY_HANG"]
        (HERE / "hanging").touch()
        threading.Event().wait()


class Toy:
    name = "toy"

    def __init__(self, version: str) -> None:
        self.version = version or os.environ.get("TOY_VERSION", "1.2")

    def shapes(self, topology: Topology) -> Mapping[str, MeshShape]:
        return {}

    def images(self, topology: Topology) -> ImageTable:
        return {}

    def prepare(self, topology: Topology, plan: NetworkPlan) -> Installation:
        step("prepare")
        return Installation("toy", topology.name)

    def install(self, lab: Lab, installation: Installation, phases: Phases) -> None:
        step("install")
        phases.say("toy is at work")

    def uninstall(self, lab: Lab, installation: Installation) -> None:
        step("uninstall")

    def programs(self) -> tuple[Program, ...]:
        return ()


class ToyProvider(PaperProvider):
    name = "toy"

    def up(
        self, topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions
    ) -> Lab:
        step("up")
        lab = super().up(topology, plan, phases, options)
        try:
            with (HERE / "labs").open("a") as labs:
                labs.write(lab.state_dir + "\n")
        except BaseException:
            super().down(lab)
            raise
        return lab

    def incidents(self, lab: Lab, since: float) -> list[str]:
        told = HERE / "incidents"
        return [f"{lab.topology.name}: {told.read_text()}"] if told.exists() else []

    def down(self, lab: Lab) -> None:
        step("down")
        super().down(lab)


def pytest_mesh_make(name: str, version: str) -> Toy | None:
    return Toy(version) if name == "toy" else None


def pytest_mesh_make_provider(name: str) -> ToyProvider | None:
    return ToyProvider() if name == "toy" else None
