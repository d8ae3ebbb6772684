"""Change how a remote cluster is attached to the control planes that serve it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass

from harness.converge import Budget, eventually
from harness.faults.remote_secrets import without_secret
from harness.faults.rollout import replicas, restart_istiod, restart_istiods, without_istiod
from harness.kube import Manifest
from harness.meshes.base import ISTIOD_GATEWAY, LEADERS, WEBHOOK_PORT, XDS_PORT
from harness.meshes.istio.remote_secret import ISTIO_KUBECONFIG
from harness.probes.gateway import gateway_address
from harness.workloads.restoring import without_server_fields
from harness.workloads.site import Site


@contextmanager
def istiod_unexposed(site: Site) -> Iterator[None]:
    """Run the body while no gateway leads to the control planes of ``site``.

    Connections that proxies have to them are ended: they would outlive the way by which they came.
    """
    with ExitStack() as undo:
        for plane in site.control_planes:
            gateways = {each.namespace for each in plane.gateways if "istiod" in each.exposes}
            for namespace in gateways:
                undo.enter_context(plane.deleted("Gateway", ISTIOD_GATEWAY, namespace))
            restart_istiod(plane)
        yield


@contextmanager
def unannotated(site: Site) -> Iterator[None]:
    """Run the body while no control plane is told to write to ``site``.

    An istiod reads that when it meets a cluster, so new ones must, and no old one be left.
    """
    patch = {"metadata": {"annotations": {LEADERS: None}}}
    with ExitStack() as undo:
        undo.callback(restart_istiods, site.control_planes)
        with without_istiod(site.control_planes):
            undo.enter_context(site.patched("Namespace", site.shape.system, patch))
        yield


def unread(site: Site) -> AbstractContextManager[None]:
    """Run the body while the control plane of a remote has no credentials for it.

    Those are a remote secret, or what an external control plane reads its configuration by.
    """
    if site.config.name == site.name:
        return _without_configuration(site.control_plane)
    return without_secret(site, site)


@contextmanager
def _without_configuration(home: Site) -> Iterator[None]:
    """Run the body while an external istiod is started, and has no access to its configuration.

    It reads that when it starts, so it is started anew, both times. Nobody waits until it is ready.
    """
    shape = home.shape
    secret = home.deleted("Secret", ISTIO_KUBECONFIG, shape.system)
    with ExitStack() as undo:
        undo.callback(_started_anew, home)
        undo.enter_context(secret)
        _started_anew(home)
        yield


def _started_anew(home: Site) -> None:
    shape = home.shape
    with replicas(home, shape.istiod, shape.system, 0):
        home.emptied(shape.system, shape.istiod_pods)


def own_istiod(site: Site) -> AbstractContextManager[None]:
    """Run the body while a remote has a Deployment of istiod, as a default profile installs it."""
    home = site.control_plane
    name = home.shape.istiod
    deployment = without_server_fields(home.kube.get("Deployment", name, home.shape.system))
    deployment["metadata"]["namespace"] = site.shape.system
    return site.applied({**deployment, "apiVersion": "apps/v1", "kind": "Deployment"})


@dataclass(frozen=True, slots=True)
class Led:
    """Where the Service ``istiod`` of a remote leads: addresses and ports, by port's name."""

    addresses: frozenset[str]
    ports: dict[str, int]


def led_to(site: Site) -> Led:
    """Return where the proxies and the API server of a remote find an istiod."""
    pieces = _pieces(site)
    return Led(
        frozenset(a for each in pieces for end in each["endpoints"] for a in end["addresses"]),
        {port["name"]: port["port"] for each in pieces for port in each["ports"]},
    )


@contextmanager
def led_elsewhere(site: Site, addresses: list[str]) -> Iterator[None]:
    """Run the body while the Service ``istiod`` of a remote leads to these addresses."""
    with ExitStack() as undo:
        for piece in _pieces(site):
            patch = {"endpoints": [{"addresses": [each]} for each in addresses]}
            name, namespace = piece["metadata"]["name"], piece["metadata"]["namespace"]
            undo.enter_context(site.patched("EndpointSlice", name, patch, namespace))
        yield


@contextmanager
def published_istiod(site: Site) -> Iterator[str]:
    """Run the body while a control plane has an address of its own; that is given."""
    shape = site.shape
    labels = dict(label.split("=", 1) for label in shape.istiod_pods.split(","))
    numbers = (XDS_PORT, WEBHOOK_PORT)
    ports = [{"name": f"tls-{port}", "port": port, "targetPort": port} for port in numbers]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "istiod-published", "namespace": shape.system},
        "spec": {"type": "LoadBalancer", "selector": labels, "ports": ports},
    }
    with site.applied(service):
        yield eventually(
            lambda: gateway_address(site.kube, "istiod-published", shape.system),
            bool,
            what=f"istiod of {site} has an address of its own",
            budget=Budget(timeout=30, interval=0.1, firm=True),
        )


def _pieces(site: Site) -> list[Manifest]:
    labels = f"kubernetes.io/service-name={site.shape.istiod}"
    return site.kube.list("EndpointSlice", site.shape.system, labels=labels)
