"""What a mesh must do to be installed and removed, and what checks need to know of it."""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from harness.model import Lab, NetworkPlan, Program, Topology
from harness.model.needs import Offerer, offered_by
from harness.phases import Phases


@dataclass(frozen=True, slots=True)
class MeshShape:
    """The names by which an installed mesh is found; the defaults are upstream Istio's.

    ``system`` is the namespace of istiod, gateways and mesh-wide policies; ``revision`` is the
    ``istio.io/rev`` of injected namespaces (empty: label ``istio-injection=enabled``);
    ``gateway`` names Deployment and Service of east-west gateways, and their ``istio`` label
    is ``gateway_selector``; ``config_map`` holds the mesh configuration under key ``mesh``.
    """

    system: str = "istio-system"
    revision: str = ""
    gateway: str = "istio-eastwestgateway"
    gateway_selector: str = "eastwestgateway"
    exposure: str = "cross-network-gateway"
    istiod: str = "istiod"
    config_map: str = "istio"
    proxy: str = "istio-proxy"


class Mesh(Protocol):
    """A mesh under test."""

    @property
    def name(self) -> str:
        """The value of ``--mesh`` that selects it."""
        ...

    @property
    def version(self) -> str:
        """The version that will be installed, as reports show it."""
        ...

    @property
    def shape(self) -> MeshShape | None:
        """The names to find it by; ``None`` if there is no mesh (the baseline)."""
        ...

    def prepare(self, topology: Topology, plan: NetworkPlan) -> None:
        """Do what needs no cluster (keys, rendered manifests); runs while clusters come up."""
        ...

    def install(self, lab: Lab, phases: Phases) -> None:
        """Install on every cluster; return when istiods and gateways are ready and linked."""
        ...

    def uninstall(self, lab: Lab) -> None:
        """Remove everything that ``install`` created. Idempotent."""
        ...

    def programs(self) -> tuple[Program, ...]:
        """Say which programs ran on behalf of the mesh, for the report."""
        ...


#: What upstream Istio offers as the harness installs it, by the names of the catalogue's needs.
UPSTREAM: Set[str] = offered_by(Offerer.MESH)


@runtime_checkable
class Offers(Protocol):
    """A mesh that says which facts hold of it; of one that does not, upstream's are believed."""

    def offers(self, topology: Topology) -> Set[str]:
        """Return the needs (``harness.model.needs``, those of a mesh) that it meets."""
        ...


def offers(mesh: Mesh, topology: Topology) -> Set[str]:
    """Return the facts that hold of ``mesh`` on ``topology``, as it says or as upstream has them.

    The baseline without a mesh claims all of them: its checks are to be run, and to fail.
    """
    return mesh.offers(topology) if isinstance(mesh, Offers) else UPSTREAM


@runtime_checkable
class Refuses(Protocol):
    """A mesh that knows beforehand where it cannot be installed."""

    def refuses(self, topology: Topology) -> Sequence[str]:
        """Say all that keeps it from ``topology``; asked before anything starts, so be quick."""
        ...


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A mesh that ships with the harness: how to make it of a version, and one line about it."""

    make: Callable[[str], Mesh]
    summary: str = ""
