"""No mesh at all: the baseline in which every check that needs one must fail."""

from harness.meshes.base import MeshShape
from harness.model import ConfigError, Lab, NetworkPlan, Program, Topology
from harness.phases import Phases


class NoMesh:
    """Clusters as they are. Proves that a check *can* fail."""

    name = "none"
    version = ""
    shape: MeshShape | None = None

    def __init__(self, version: str = "") -> None:
        if version:
            raise ConfigError("--mesh-version", [f"there is no version {version!r} of no mesh"])

    def prepare(self, topology: Topology, plan: NetworkPlan) -> None:
        """Nothing to prepare."""

    def install(self, lab: Lab, phases: Phases) -> None:
        """Nothing to install."""

    def uninstall(self, lab: Lab) -> None:
        """Nothing to remove."""

    def programs(self) -> tuple[Program, ...]:
        """No program ran."""
        return ()
