"""What the user asked for: every option of a run, read and checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.model import Catalogue, LeftOut, Level, Topology

#: What a five minutes' outage means where the catalogue says so; ``--outage`` shortens it.
DEFAULT_OUTAGE = 300.0


@dataclass(frozen=True, slots=True)
class Options:
    """What the user asked for, read and checked.

    ``topologies`` are those that a run is about, without those that are left out; ``declared``
    are all that were asked for, in order.
    """

    topologies: tuple[Topology, ...]
    catalogue: Catalogue
    provider: str
    mesh: str
    mesh_version: str = ""
    kubernetes_version: str = ""
    level: Level = Level.CORE
    keep: bool = False
    reuse: bool = False
    prove: bool = False
    prove_window: float = 30.0
    budget_scale: float = 1.0
    outage: float = DEFAULT_OUTAGE
    selection: str = ""
    report_dir: Path = Path("reports")
    root: Path = Path()
    suites: Path = Path("suites")
    catalogue_file: Path = Path("suites/requirements.yaml")
    files: Mapping[str, Path] = field(default_factory=dict)
    declared: tuple[Topology, ...] = ()
    #: The topologies that were named one by one, and why others of a group are left out.
    named: frozenset[str] = frozenset()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def several(self) -> bool:
        """Whether the ids of checks say on which topology they look."""
        return len(self.declared or self.topologies) > 1

    def described(self) -> dict[str, str]:
        """Return what a report says about how it was made."""
        return {
            "topologies": " ".join(topology.name for topology in self.topologies),
            "provider": self.provider,
            "mesh": self.mesh,
            "mesh-version": self.mesh_version,
            "kubernetes-version": self.kubernetes_version,
            "level": str(self.level),
            "keep": str(self.keep).lower(),
            "reuse": str(self.reuse).lower(),
            "prove": str(self.prove).lower(),
            "prove-window": f"{self.prove_window:g}",
            "selection": self.selection,
            "budget-scale": f"{self.budget_scale:g}",
            "outage": f"{self.outage:g}",
            "left-out": "; ".join(each.topology for each in self.left_out),
        }
