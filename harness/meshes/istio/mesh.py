"""Istio: planned from a topology alone, and carried out by one of two drivers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from harness.artifacts import Artifact, ensure, supply
from harness.artifacts.components import istio_tag
from harness.artifacts.home import home
from harness.converge import concurrently
from harness.kube import Kube, Manifest
from harness.meshes import ca, runner
from harness.meshes.base import MeshShape, ServicesApiSupport
from harness.meshes.installation import Installation
from harness.meshes.istio import definitions, images, removal, revisions
from harness.meshes.istio.enrolment import Door, enrolled
from harness.meshes.istio.operator import Release, gateways_operator, operator
from harness.meshes.istio.plan import ClusterInstall, InstallPlan, Part, plan_install
from harness.meshes.istio.refusals import unsupported
from harness.meshes.istio.render import Renderer
from harness.meshes.istio.steps import Rendered, Steps
from harness.model import ConfigError, Lab, NetworkPlan, Program, Topology, structure
from harness.model.images import ImageTable
from harness.model.topology import DataPlane
from harness.phases import Phases
from harness.shell import LocalShell
from harness.tools.istioctl import Istioctl

_PROGRAMS = ["istioctl"]
#: What an istiod is told to follow the multi-cluster Services API, cluster.local included.
_SERVICES_API = (
    "ENABLE_MCS_SERVICE_DISCOVERY",
    "ENABLE_MCS_HOST",
    "ENABLE_MCS_CLUSTER_LOCAL",
)


class IstioMesh:
    """Istio as ``istioctl install`` leaves it, with gateways, exposure and remote secrets."""

    def __init__(self, version: str = "", *, by_istioctl: bool = False) -> None:
        self.name = "istio+istioctl" if by_istioctl else "istio"
        self._by_istioctl = by_istioctl
        self._wanted = version

    @property
    def version(self) -> str:
        """The version of istioctl, and of the images that it asks for."""
        return self._resolved("")

    def shapes(self, topology: Topology) -> Mapping[str, MeshShape]:
        """Return upstream's names, with what the topology says of control plane and gateways."""
        return self._plan(topology).shapes

    def images(self, topology: Topology) -> ImageTable:
        """Return the images of every version that a control plane of ``topology`` has."""
        versions = dict.fromkeys(each.version for each in self._plan(topology).clusters)
        if topology.data_plane is DataPlane.AMBIENT:
            return images.released(versions)
        return images.images(versions)

    def refuses(self, topology: Topology) -> Sequence[str]:
        """Say which versions nobody has, and what of the topology cannot be installed so far."""
        return [
            *self._versions_lacking(topology),
            *unsupported(topology),
            *self._unreleased(topology),
            *self._untagged(topology),
        ]

    def prepare(self, topology: Topology, plan: NetworkPlan) -> Installation:
        """Plan, make the authorities, render. Raises :class:`ConfigError` for what is refused."""
        del plan  # no address of it is needed: gateways learn theirs from their Services
        if wrong := self.refuses(topology):
            raise ConfigError(f"--mesh {self.name} on topology {topology.name}", wrong)
        install = self._plan(topology)
        programs = _istioctls(install)
        names = {each.plane.root: None for each in install.clusters if _certified(each)}
        roots = {root: ca.make_root(f"Root CA of {root}") for root in names}

        def rendered(each: ClusterInstall) -> Rendered:
            renderer = _renderer(programs[each.version])
            return _rendered(each, renderer, roots)

        istioctl = {version: _istioctl(found) for version, found in programs.items()}
        steps = Steps(
            concurrently(rendered, install.clusters), istioctl if self._by_istioctl else None
        )
        return Installation(
            mesh=f"{self.name} {self.version}",
            topology=topology.name,
            steps=steps.all(),
            shapes=self.shapes(topology),
            networks={each.name: each.network for each in topology.clusters},
            control_planes=structure.control_planes(topology),
            gateways=structure.gateways(topology),
            versions={
                each.plane.name: each.version for each in install.clusters if each.runs_istiod
            },
        )

    def install(self, lab: Lab, installation: Installation, phases: Phases) -> None:
        """Install on every cluster at once; returns when all is ready and linked."""
        runner.carry_out(lab, installation, phases)

    def uninstall(self, lab: Lab, installation: Installation) -> None:
        """Remove everything that ``install`` created, cluster-scoped objects included."""
        concurrently(
            lambda cluster: removal.remove(
                Kube(cluster.kubeconfig), installation.manifests(cluster.name)
            ),
            lab.clusters,
        )

    def machine_images(self, topology: Topology, cluster: str) -> Sequence[str]:
        """Return the image of the proxies that a cluster's control plane configures."""
        return (images.proxy(self._plan(topology).cluster(cluster).version),)

    def enrolment(
        self, lab: Lab, cluster: str, group: Manifest, *, registers: bool
    ) -> Mapping[str, str]:
        """Return what istioctl writes for a machine of a WorkloadGroup."""
        install = self._plan(lab.topology).cluster(cluster)
        (program,) = _istioctls(InstallPlan((install,))).values()
        return enrolled(
            _istioctl(program), install, Door.of(lab, cluster), group, registers=registers
        )

    @contextmanager
    def revision(self, lab: Lab, cluster: str, name: str) -> Iterator[MeshShape]:
        """Have one more control plane in a cluster while the body runs.

        It lets in who the standing one does, and knows no root of another mesh.
        """
        install = revisions.beside(self._plan(lab.topology).cluster(cluster), name)
        renderer = _renderer(_istioctls(InstallPlan((install,)))[install.version])
        kube = Kube(lab.cluster(cluster).kubeconfig)
        values = operator(install, Release(istio_tag(install.version)))
        added: list[Manifest] = []
        try:
            added += revisions.absent(kube, renderer.render(values, default=False))
            revisions.install(kube, install.shape, added)
            yield install.shape
        finally:
            removal.delete(kube, added)

    def services_api(self) -> ServicesApiSupport:
        """Return the definitions, and the variables of Istio's experimental support."""
        return ServicesApiSupport(definitions.of_services(), dict.fromkeys(_SERVICES_API, "true"))

    def programs(self) -> tuple[Program, ...]:
        """Return istioctl: what runs inside the lab is the provider's to tell."""
        found = ensure(_PROGRAMS, Phases(), _asked(self.version))
        return (found["istioctl"].program,)

    # Internals

    def _plan(self, topology: Topology) -> InstallPlan:
        return plan_install(topology, self._resolved)

    def _resolved(self, version: str) -> str:
        """Return what a version is called here; that of the mesh where none is asked for."""
        known = supply.chosen(_asked(version or self._wanted))
        return supply.owned(_PROGRAMS, known)["istioctl"].version

    def _versions_lacking(self, topology: Topology) -> list[str]:
        planes = structure.control_planes(topology)
        asked = dict.fromkeys(plane.version or self._wanted for plane in planes)
        return [
            problem
            for version in asked
            for problem in supply.unavailable(_PROGRAMS, _asked(version))
        ]

    def _unreleased(self, topology: Topology) -> list[str]:
        """Say which versions of an ambient mesh have no images: those are of releases only."""
        if topology.data_plane is not DataPlane.AMBIENT:
            return []
        versions = dict.fromkeys(each.version for each in self._plan(topology).clusters)
        return [
            f"data plane ambient: ztunnel {version} is in no registry, since it is no release:"
            " choose one by --mesh-version"
            for version in versions
            if not images.published("ztunnel", version)
        ]

    def _untagged(self, topology: Topology) -> list[str]:
        """Say where istioctl would make a default of a revision, which manifests do not."""
        if not self._by_istioctl:
            return []
        return [
            f"control plane {plane.name!r} has a revision: use --mesh istio for that"
            for plane in structure.control_planes(topology)
            if plane.revision
        ]


def _certified(install: ClusterInstall) -> bool:
    """Say whether an authority is plugged into it: not into one that serves a gateway only."""
    return install.part in (Part.PRIMARY, Part.EXTERNAL) and not install.plane.self_signed


def _rendered(
    install: ClusterInstall,
    renderer: Renderer,
    roots: Mapping[str, ca.Authority],
) -> Rendered:
    release = Release(istio_tag(install.version))
    root = roots.get(install.plane.root)
    default = not install.plane.revision and install.part is not Part.EXTERNAL
    authority = None
    if root is not None and _certified(install):
        authority = ca.make_intermediate(root, f"Intermediate CA of {install.name}")
    trusted = {each.root: roots[each.root].certificate_pem for each in install.anchors}
    values = operator(install, release, trusted)
    manifests = renderer.render(values, default=default)
    later = ""
    if install.part is Part.REMOTE and install.gateways:
        later = gateways_operator(install, release)
    gateways = renderer.render(later, default=False) if later else []
    api = definitions.of_gateways(install.gateways, install.version)
    return Rendered(install, authority, values, manifests, later, gateways, api)


def _asked(version: str) -> dict[str, str]:
    return {"istio": version} if version else {}


def _istioctls(plan: InstallPlan) -> dict[str, Artifact]:
    """Return the istioctl of each version, made first if need be."""
    versions = dict.fromkeys(each.version for each in plan.clusters)
    return {
        version: ensure(_PROGRAMS, Phases(), _asked(version))["istioctl"] for version in versions
    }


def _renderer(found: Artifact) -> Renderer:
    return Renderer(_istioctl(found), found.program.sha256, home() / "rendered")


def _istioctl(found: Artifact) -> Istioctl:
    return Istioctl(found.path, LocalShell())
