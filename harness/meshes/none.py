"""No mesh at all: the baseline in which every check that needs one must fail."""

from collections.abc import Mapping

from harness.meshes.base import MeshShape
from harness.meshes.installation import Installation
from harness.model import ConfigError, Lab, NetworkPlan, Program, Topology
from harness.model.images import ImageTable
from harness.phases import Phases


class NoMesh:
    """Clusters as they are. Proves that a check *can* fail."""

    name = "none"
    version = ""

    def __init__(self, version: str = "") -> None:
        if version:
            raise ConfigError("--mesh-version", [f"there is no version {version!r} of no mesh"])

    def shapes(self, topology: Topology) -> Mapping[str, MeshShape]:
        """No cluster has any."""
        del topology
        return {}

    def images(self, topology: Topology) -> ImageTable:
        """No pod of it runs."""
        del topology
        return {}

    def prepare(self, topology: Topology, plan: NetworkPlan) -> Installation:
        """Return an installation of nothing."""
        del plan
        return Installation(self.name, topology.name)

    def install(self, lab: Lab, installation: Installation, phases: Phases) -> None:
        """Nothing to install."""

    def uninstall(self, lab: Lab, installation: Installation) -> None:
        """Nothing to remove."""

    def programs(self) -> tuple[Program, ...]:
        """No program ran."""
        return ()
