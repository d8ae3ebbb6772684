"""One more revision of a control plane, beside the one that stands in a cluster."""

from collections.abc import Sequence
from dataclasses import replace

from harness.kube import Kube, Manifest
from harness.meshes import waiting
from harness.meshes.base import MeshShape
from harness.meshes.istio import ready
from harness.meshes.istio.plan import ClusterInstall, Part

_DEFINITION = "CustomResourceDefinition"


def beside(standing: ClusterInstall, revision: str) -> ClusterInstall:
    """Return what is installed as ``revision``: the same control plane, and no gateway.

    In a cluster that is served from elsewhere it becomes one of its own, which makes a primary of
    the cluster.
    """
    plane = replace(standing.plane, name=revision, revision=revision)
    if standing.part is Part.REMOTE:
        own = standing.cluster
        plane = replace(plane, cluster=own, config_cluster=own, serves=(own,), reads=())
    return replace(
        standing,
        name=f"{standing.cluster}/{revision}",
        part=Part.PRIMARY if standing.part is Part.REMOTE else standing.part,
        plane=plane,
        ways=(),
        leaders=(),
        gateways=(),
        exposures=(),
        imports=(),
        told=(),
    )


def absent(kube: Kube, rendered: Sequence[Manifest]) -> list[Manifest]:
    """Return those of the objects that are not there yet: the others are shared."""
    return [each for each in rendered if each["kind"] != _DEFINITION and not _stands(kube, each)]


def install(kube: Kube, shape: MeshShape, manifests: Sequence[Manifest]) -> None:
    """Apply the objects of a revision, and wait until it is ready and injects pods."""
    waiting.apply(kube, manifests, where=shape.istiod)
    waiting.watched(
        kube,
        "Deployment",
        shape.istiod,
        shape.system,
        waiting.available,
        what=f"{shape.istiod} is ready",
        timeout=120,
    )
    ready.injecting(kube, shape, who=shape.system)


def _stands(kube: Kube, manifest: Manifest) -> bool:
    metadata = manifest["metadata"]
    return kube.find(manifest["kind"], metadata["name"], metadata.get("namespace")) is not None
