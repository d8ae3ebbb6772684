"""Let a mesh follow the multi-cluster Services API (KEP-1645) for a while."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.converge import Budget, eventually
from harness.faults.rollout import istiod_environment
from harness.kube import Kube, Manifest
from harness.meshes.base import FollowsServicesApi, Mesh
from harness.model import ApiError, HarnessError
from harness.workloads.rules import everywhere
from harness.workloads.site import Site
from harness.workloads.stage import HTTP_PORT, Host

#: What follows NAME.NAMESPACE in the name by which all clusters know an exported Service.
_CLUSTERSET = "svc.clusterset.local"
#: A virtual address that nobody gives out: reserved (RFC 1112), and of no range of a lab's.
_ADDRESS = "240.242.0.1"
_GROUP = "multicluster.x-k8s.io/v1alpha1"
_KINDS = ("ServiceExport", "ServiceImport")
#: What an API server says of a kind that has been defined just now.
_NOT_YET = (404, 429)
_SOON = Budget(timeout=30, interval=0.2, firm=True)


@dataclass(slots=True)
class ServicesApi:
    """How a check has ``mesh`` follow the API, and exports by it; a sabotage may spoil either.

    ``untold`` are variables of the mesh that control planes are not given; ``exporting`` is
    whether what is shared is exported, ``lasting`` whether imports are there without exports.
    """

    mesh: Mesh
    untold: tuple[str, ...] = ()
    exporting: bool = True
    lasting: bool = False

    @contextmanager
    def spoiled(
        self, *, untold: tuple[str, ...] = (), exporting: bool = True, lasting: bool = False
    ) -> Iterator[None]:
        """Run the body while something of it is done badly."""
        before = (self.untold, self.exporting, self.lasting)
        self.untold, self.exporting, self.lasting = untold, exporting, lasting
        try:
            yield
        finally:
            self.untold, self.exporting, self.lasting = before

    @contextmanager
    def followed(self, sites: Sequence[Site]) -> Iterator[None]:
        """Run the body while the control planes of ``sites``, all primaries, follow the API."""
        if not isinstance(self.mesh, FollowsServicesApi):
            raise HarnessError(f"mesh {self.mesh.name} does not follow the Services API")
        api = self.mesh.services_api()
        told = {name: value for name, value in api.variables.items() if name not in self.untold}
        with everywhere(sites, *api.definitions), ExitStack() as undo:
            for site in sites:
                _await_kinds(site.kube)
                undo.enter_context(istiod_environment(site, **told))
            yield

    @contextmanager
    def shared(self, sites: Sequence[Site], host: Host) -> Iterator[None]:
        """Run the body while every cluster exports a Service, and imports it from the others.

        To import is the work of a controller that no mesh brings along: it is done here.
        """
        shared = [_export(host)] if self.exporting else []
        with everywhere(sites, *shared, _import(host)):
            yield

    @contextmanager
    def unshared(self, sites: Sequence[Site], host: Host) -> Iterator[None]:
        """Run the body while no cluster exports a Service."""
        with everywhere(sites, *([_import(host)] if self.lasting else [])):
            yield


def in_clusterset(host: Host) -> Host:
    """Return a Service as all clusters know it that import it."""
    return Host(host.name, host.namespace, _CLUSTERSET)


def _export(host: Host) -> Manifest:
    metadata = {"name": host.name, "namespace": host.namespace}
    return {"apiVersion": _GROUP, "kind": "ServiceExport", "metadata": metadata}


def _import(host: Host) -> Manifest:
    ports = [{"name": "http", "port": HTTP_PORT, "protocol": "TCP"}]
    spec = {"type": "ClusterSetIP", "ips": [_ADDRESS], "ports": ports}
    metadata = {"name": host.name, "namespace": host.namespace}
    return {"apiVersion": _GROUP, "kind": "ServiceImport", "metadata": metadata, "spec": spec}


def _await_kinds(kube: Kube) -> None:
    eventually(
        lambda: [kind for kind in _KINDS if not _known(kube, kind)],
        lambda missing: not missing,
        what="the API server knows the kinds of the Services API",
        budget=_SOON,
    )


def _known(kube: Kube, kind: str) -> bool:
    try:
        kube.list(kind)
    except ApiError as error:
        if error.status in _NOT_YET:
            return False
        raise
    return True
