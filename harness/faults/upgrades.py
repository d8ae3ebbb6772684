"""Install another revision of a control plane, and let namespaces ask for it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from harness.faults.rollout import restart_istiod
from harness.meshes.base import AddsRevisions, Mesh, MeshShape
from harness.model import HarnessError, Lab
from harness.workloads.site import Site


@dataclass
class Upgrade:
    """How revisions are installed: beside the standing control plane, or ``in_place`` of it."""

    lab: Lab
    mesh: Mesh
    in_place: bool = False

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """Run the body while revisions replace what stands."""
        self.in_place, before = True, self.in_place
        try:
            yield
        finally:
            self.in_place = before

    @contextmanager
    def revision(self, site: Site, name: str) -> Iterator[MeshShape]:
        """Have a revision called ``name`` in a cluster while the body runs; its names are given."""
        if not isinstance(self.mesh, AddsRevisions):
            raise HarnessError(f"mesh {self.mesh.name} cannot install another revision")
        with self.mesh.revision(self.lab, site.name, name) as shape:
            if self.in_place:
                restart_istiod(site)
            yield shape

    def labelled(
        self, site: Site, namespace: str, shape: MeshShape
    ) -> AbstractContextManager[None]:
        """Run the body while new pods of a namespace ask for the revision of ``shape``."""
        labels = {"istio-injection": None, "istio.io/rev": shape.revision}
        return site.patched("Namespace", namespace, {"metadata": {"labels": labels}})
