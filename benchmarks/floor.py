"""The floor under a lab's ready time: each step of its critical path alone, in every cluster."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.measure import deploy, timed
from harness.converge import concurrently
from harness.kube import Kube, Manifest
from harness.meshes.istio import drivers, ready
from harness.meshes.istio.mesh import IstioMesh
from harness.meshes.istio.objects import namespace
from harness.meshes.istio.target import Target
from harness.model import Lab, Topology, plan_networks
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
    mesh.prepare(wanted, plan)
    with timed() as up:
        lab = provider.up(wanted, plan, quiet, RaiseOptions())
    try:
        targets = [_target(lab, mesh, name.name, quiet) for name in lab.clusters]
        concurrently(_settled, targets)
        manifests = _step(lambda target: _apply(target, mesh), targets)
        istiod = _step(lambda target: _start(target, mesh), targets)
        sites = [Site.of(lab, cluster.name) for cluster in lab.clusters]
        with timed() as pod:
            concurrently(deploy, sites)
    finally:
        provider.down(lab)
    return Floor(up(), manifests, istiod, pod())


def _step(work: Callable[[Target], None], targets: list[Target]) -> float:
    with timed() as taken:
        concurrently(work, targets)
    return taken()


def _target(lab: Lab, mesh: IstioMesh, name: str, phases: Phases) -> Target:
    cluster = lab.cluster(name)
    return Target(mesh.plan_for(name), cluster, Kube(cluster.kubeconfig), mesh.shape, phases)


def _settled(target: Target) -> None:
    """Wait until the cluster has nothing of its own left to start."""
    what = f"cluster DNS of {target.cluster.name} is ready"
    ready.watched(target.kube, "Deployment", "coredns", "kube-system", ready.available, what=what)


def _apply(target: Target, mesh: IstioMesh) -> None:
    """Apply everything, but no pod yet."""
    rendered = mesh.rendered_for(target.cluster.name)
    target.kube.apply(namespace(target.install, mesh.shape))
    target.apply([manifest for manifest in rendered if manifest["kind"] != "Deployment"])
    target.kube.apply(_istiod(target, mesh, replicas=0))


def _start(target: Target, mesh: IstioMesh) -> None:
    target.kube.apply(_istiod(target, mesh, replicas=1))
    drivers.istiod_ready(target)


def _istiod(target: Target, mesh: IstioMesh, *, replicas: int) -> Manifest:
    rendered = mesh.rendered_for(target.cluster.name)
    found = next(
        manifest
        for manifest in rendered
        if (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", mesh.shape.istiod)
    )
    return {**found, "spec": {**found["spec"], "replicas": replicas}}
