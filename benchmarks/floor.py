"""The floor under a lab's ready time: each step of its critical path alone, in every cluster."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import deploy, timed
from harness.converge import concurrently
from harness.kube import Kube, Manifest
from harness.meshes import waiting
from harness.meshes.base import MeshShape
from harness.meshes.installation import Apply, Clusters, Installation
from harness.meshes.istio.actions import TryInjection
from harness.meshes.istio.mesh import IstioMesh
from harness.model import Topology, plan_networks
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.embedded.provider import EmbeddedProvider
from harness.workloads.site import Site


@dataclass(frozen=True, slots=True)
class Floor:
    """Seconds of each step, while nothing else is at work."""

    api_servers: float
    manifests: float
    istiod: float
    pod: float

    @property
    def total(self) -> float:
        """The sum along the critical path."""
        return self.api_servers + self.manifests + self.istiod + self.pod


def floor_once(wanted: Topology) -> Floor:
    """Raise ``wanted`` in steps that wait for each other, clusters side by side as in a real run.

    Left out is what a real run does beside them: gateways, remote secrets, the calls.
    """
    provider, mesh, quiet = EmbeddedProvider(), IstioMesh(), Phases(say=lambda _: None)
    plan = plan_networks(wanted)
    installation = mesh.prepare(wanted, plan)
    with timed() as up:
        lab = provider.up(wanted, plan, quiet, RaiseOptions(images=mesh.images(wanted)))
    try:
        clusters = Clusters(lab)
        targets = [Target(clusters, each.name, installation) for each in lab.clusters]
        concurrently(_settled, targets)
        manifests = _step(_apply, targets)
        istiod = _step(_start, targets)
        sites = [Site.of(lab, cluster.name) for cluster in lab.clusters]
        with timed() as pod:
            concurrently(deploy, sites)
    finally:
        provider.down(lab)
    return Floor(up(), manifests, istiod, pod())


@dataclass(frozen=True, slots=True)
class Target:
    """One cluster, and what it gets."""

    clusters: Clusters
    cluster: str
    installation: Installation

    @property
    def kube(self) -> Kube:
        """Its API server."""
        return self.clusters.kube(self.cluster)

    @property
    def shape(self) -> MeshShape:
        """The names of the mesh in it."""
        return self.installation.shapes[self.cluster]

    def istiod(self, replicas: int) -> Manifest:
        """Return the Deployment of istiod with so many replicas."""
        found = next(
            manifest
            for manifest in self.installation.manifests(self.cluster)
            if (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", self.shape.istiod)
        )
        return {**found, "spec": {**found["spec"], "replicas": replicas}}


def _step(work: Callable[[Target], None], targets: list[Target]) -> float:
    with timed() as taken:
        concurrently(work, targets)
    return taken()


def _settled(target: Target) -> None:
    """Wait until the cluster has nothing of its own left to start."""
    what = f"cluster DNS of {target.cluster} is ready"
    kube = target.kube
    waiting.watched(kube, "Deployment", "coredns", "kube-system", waiting.available, what=what)


def _apply(target: Target) -> None:
    """Apply everything, but no pod and nothing of a kind that is new."""
    for step in target.installation.steps:
        if step.cluster == target.cluster and isinstance(step.action, Apply):
            manifests = [each for each in step.action.manifests if each["kind"] != "Deployment"]
            waiting.apply(target.kube, manifests, where=target.cluster, late=step.action.late)
    target.kube.apply(target.istiod(0))


def _start(target: Target) -> None:
    target.kube.apply(target.istiod(1))
    name, system = target.shape.istiod, target.shape.system
    what = f"istiod of {target.cluster} is ready"
    waiting.watched(target.kube, "Deployment", name, system, waiting.available, what=what)
    TryInjection(target.shape).carry_out(target.clusters, target.cluster)
