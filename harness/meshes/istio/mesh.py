"""Istio, installed from an :class:`InstallPlan` by one of two drivers."""

from collections.abc import Sequence
from functools import partial

from harness.artifacts import Artifact, ensure, supply
from harness.artifacts.components import istio_tag, table
from harness.artifacts.home import home
from harness.converge import concurrently
from harness.kube import Kube, Manifest
from harness.meshes import ca
from harness.meshes.base import MeshShape
from harness.meshes.istio import drivers, ready, removal
from harness.meshes.istio.linking import introduce
from harness.meshes.istio.objects import namespace
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import ClusterInstall, InstallPlan, plan_install, unsupported
from harness.meshes.istio.render import Renderer
from harness.meshes.istio.target import Target
from harness.model import ConfigError, Lab, NetworkPlan, Program, Topology
from harness.phases import Phases
from harness.shell import LocalShell
from harness.tools.istioctl import Istioctl


class IstioMesh:
    """Istio as ``istioctl install`` leaves it, with gateways, exposure and remote secrets."""

    def __init__(self, version: str = "", *, by_istioctl: bool = False) -> None:
        self.name = "istio+istioctl" if by_istioctl else "istio"
        self._by_istioctl = by_istioctl
        self._wanted = version
        self._artifact: Artifact | None = None
        self._topology: Topology | None = None
        self._rendered: dict[str, list[Manifest]] = {}
        self._authorities: dict[str, ca.Authority] = {}
        self._plan = InstallPlan(())

    @property
    def version(self) -> str:
        """The version of istioctl, and of the images that it asks for."""
        return self._istioctl_artifact().program.version

    @property
    def shape(self) -> MeshShape:
        """Upstream's names."""
        return MeshShape()

    def plan_for(self, cluster: str) -> ClusterInstall:
        """Return what ``cluster`` gets (after :meth:`prepare`)."""
        return self._plan.cluster(cluster)

    def rendered_for(self, cluster: str) -> Sequence[Manifest]:
        """Return what istioctl would create in ``cluster`` (after :meth:`prepare`)."""
        return self._rendered[cluster]

    def refuses(self, topology: Topology) -> Sequence[str]:
        """Say whether the version is another than there is, and which clusters are remotes."""
        return [*_other_version(self._wanted, _offered()), *unsupported(topology)]

    def prepare(self, topology: Topology, plan: NetworkPlan) -> None:
        """Plan, make the authorities, render. Raises :class:`ConfigError` for remotes."""
        del plan  # no address of it is needed: gateways learn theirs from their Services
        if self._topology == topology:
            return
        install = plan_install(topology)
        if wrong := unsupported(topology):
            raise ConfigError(f"--mesh {self.name} on topology {topology.name}", wrong)
        self._plan = install
        root = ca.make_root(f"Root CA of {topology.mesh_id}")
        self._authorities = {
            each.cluster: ca.make_intermediate(root, f"Intermediate CA of {each.cluster}")
            for each in install.clusters
        }
        renderer = self._renderer()
        rendered = concurrently(
            lambda each: renderer.render(self._operator(each)), install.clusters
        )
        names = [each.cluster for each in install.clusters]
        self._rendered = dict(zip(names, rendered, strict=True))
        self._topology = topology

    def install(self, lab: Lab, phases: Phases) -> None:
        """Install on every cluster at once; returns when all is ready and linked."""
        self.prepare(lab.topology, lab.plan)
        driver = self._driver()
        targets = [self._target(lab, each, phases) for each in self._plan.clusters]

        def found(target: Target) -> None:
            self._enter(target)
            driver.found(target)

        def complete(target: Target) -> None:
            driver.complete(target)
            self._ready(target)

        def link(target: Target) -> None:
            readers = [each for each in targets if target.cluster.name in each.install.reads]
            if readers:
                introduce(target, readers)

        concurrently(found, targets)
        steps = [partial(step, target) for target in targets for step in (link, complete)]
        concurrently(lambda step: step(), steps)

    def uninstall(self, lab: Lab) -> None:
        """Remove everything that ``install`` created, cluster-scoped objects included."""
        self.prepare(lab.topology, lab.plan)
        concurrently(
            lambda cluster: removal.remove(
                Kube(cluster.kubeconfig), self._rendered[cluster.name], self.shape
            ),
            lab.clusters,
        )

    def programs(self) -> tuple[Program, ...]:
        """Return istioctl: what runs inside the lab is the provider's to tell."""
        return (self._istioctl_artifact().program,)

    # Internals

    def _enter(self, target: Target) -> None:
        """Make the system namespace, with the authority and the account for other istiods."""
        authority = self._authorities[target.cluster.name]
        with target.phases.phase(f"namespace {target.cluster.name}"):
            target.kube.apply(namespace(target.install, self.shape))
            target.kube.apply(ca.cacerts(authority, self.shape))

    def _ready(self, target: Target) -> None:
        """Wait for the gateway, and until istiod has read the other clusters and validates."""
        where, reads = target.cluster.name, set(target.install.reads)
        if target.install.gateway:
            with target.phases.phase(f"gateway {where}"):
                drivers.gateway_ready(target)
        if reads:
            with target.phases.phase(f"remote clusters {where}"):
                ready.links(target.kube, self.shape, reads, who=where)

        with target.phases.phase(f"validation {where}"):
            for rendered in self._rendered[where]:
                if rendered["kind"] == "ValidatingWebhookConfiguration":
                    drivers.validator_ready(target, rendered["metadata"]["name"])

    def _target(self, lab: Lab, install: ClusterInstall, phases: Phases) -> Target:
        cluster = lab.cluster(install.cluster)
        return Target(install, cluster, Kube(cluster.kubeconfig), self.shape, phases)

    def _operator(self, install: ClusterInstall) -> str:
        return operator(install, self.shape, Release(istio_tag(self.version)))

    def _driver(self) -> drivers.Driver:
        if not self._by_istioctl:
            return drivers.ManifestsDriver(self._rendered)
        operators = {each.cluster: self._operator(each) for each in self._plan.clusters}
        return drivers.IstioctlDriver(self._istioctl(), operators)

    def _renderer(self) -> Renderer:
        digest = self._istioctl_artifact().program.sha256
        return Renderer(self._istioctl(), digest, home() / "rendered")

    def _istioctl(self) -> Istioctl:
        return Istioctl(self._istioctl_artifact().path, LocalShell())

    def _istioctl_artifact(self) -> Artifact:
        if self._artifact is None:
            found = ensure(["istioctl"], Phases())["istioctl"]
            if wrong := _other_version(self._wanted, found.program.version):
                raise ConfigError("--mesh-version", wrong)
            self._artifact = found
        return self._artifact


def _offered() -> str:
    """Return the version of the istioctl that is there, or would be made."""
    if found := supply.present(["istioctl"]):
        return found["istioctl"].program.version
    return supply.owned(["istioctl"], table({}))["istioctl"].version


def _other_version(wanted: str, offered: str) -> list[str]:
    if wanted in ("", offered):
        return []
    return [f"version {wanted!r} is not available; there is {offered!r}"]
