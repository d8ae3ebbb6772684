"""What a probe needs to know of a cluster."""

from typing import Protocol

from harness.kube import Kube, Manifest
from harness.meshes.base import MeshShape


class ClusterView(Protocol):
    """A cluster as probes see it; ``harness.workloads.site.Site`` is one."""

    @property
    def name(self) -> str:
        """The cluster's name."""
        ...

    @property
    def kube(self) -> Kube:
        """Its API server."""
        ...

    @property
    def shape(self) -> MeshShape:
        """The names of the mesh in it (upstream's, if there is none)."""
        ...

    def pods(self, namespace: str, app: str) -> list[Manifest]:
        """Return the pods labelled ``app`` that are ready and not on their way out."""
        ...


def is_ready(pod: Manifest) -> bool:
    """Say whether a pod's Ready condition holds."""
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod.get("status", {}).get("conditions", [])
    )


def ready_pods(kube: Kube, namespace: str | None, labels: str) -> list[Manifest]:
    """Return the pods with ``labels`` that are ready and not being deleted."""
    return [
        pod
        for pod in kube.list("Pod", namespace, labels=labels)
        if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
    ]
