"""What a provider has built. Plain data, so that it can cross a process boundary."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from harness.model.plan import ClusterPlan, NetworkPlan
from harness.model.topology import Topology


class _Built(BaseModel):
    model_config = ConfigDict(frozen=True)


class Program(_Built):
    """A program that ran in the lab: where it came from and exactly which file it was."""

    name: str
    version: str
    source: str
    sha256: str
    note: str = ""


class Cluster(_Built):
    """A running cluster.

    ``kubeconfig`` is a path (mode 0600), never credentials; it works on the host.
    ``server`` is the API server's URL as other clusters reach it (for remote secrets).
    """

    name: str
    network: str
    kubeconfig: str
    server: str
    version: str


class Lab(_Built):
    """A topology that exists. ``state_dir`` belongs to the provider that built it."""

    id: str
    provider: str
    topology: Topology
    plan: NetworkPlan
    clusters: tuple[Cluster, ...]
    programs: tuple[Program, ...] = ()
    state_dir: str

    def cluster(self, name: str) -> Cluster:
        """Return the cluster called ``name``."""
        return next(cluster for cluster in self.clusters if cluster.name == name)

    def plan_of(self, name: str) -> ClusterPlan:
        """Return the addresses of the cluster called ``name``."""
        return self.plan.cluster(name)

    def dump(self) -> dict[str, Any]:
        """Return a JSON-able form; the inverse of :meth:`load`."""
        return self.model_dump(mode="json")

    @classmethod
    def load(cls, dumped: dict[str, Any]) -> Self:
        """Rebuild a lab from :meth:`dump`."""
        return cls.model_validate(dumped)
