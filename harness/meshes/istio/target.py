"""One cluster in the middle of an installation."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.converge import Budget, concurrently, eventually
from harness.kube import Kube, Manifest
from harness.meshes.base import MeshShape
from harness.meshes.istio.plan import ClusterInstall
from harness.model import ApiError, Cluster
from harness.phases import Phases

#: Requests in flight at once per cluster: more only queue up in the API server.
_PARALLEL = 6


@dataclass(frozen=True, slots=True)
class Target:
    """A cluster, what it gets, and the means to give it."""

    install: ClusterInstall
    cluster: Cluster
    kube: Kube
    shape: MeshShape
    phases: Phases

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Apply objects that do not depend on each other, several at once."""
        shares = [manifests[offset::_PARALLEL] for offset in range(_PARALLEL)]
        concurrently(self._apply_in_order, [share for share in shares if share])

    def apply_late(self, manifest: Manifest) -> None:
        """Apply an object whose kind may still be on its way into the API server."""
        eventually(
            lambda: self._trouble(manifest),
            lambda trouble: not trouble,
            what=f"{self.cluster.name} accepts {manifest['kind']} {manifest['metadata']['name']}",
            budget=Budget(timeout=30, interval=0.05, firm=True),
        )

    def _apply_in_order(self, manifests: Sequence[Manifest]) -> None:
        for manifest in manifests:
            self.kube.apply(manifest)

    def _trouble(self, manifest: Manifest) -> str:
        try:
            self.kube.apply(manifest)
        except ApiError as error:
            return str(error)
        return ""
