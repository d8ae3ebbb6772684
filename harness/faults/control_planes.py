"""Let the proxies of a cluster be configured by the control plane of another one."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.faults.exposure import istiod_exposed
from harness.faults.rollout import restart_istiod
from harness.kube import Manifest
from harness.meshes.base import WEBHOOK_PORT, XDS_PORT
from harness.probes.cluster_view import ready_pods
from harness.probes.gateway import address
from harness.workloads.site import Site


@contextmanager
def configured_by(other: Site, *, instead_of: Site) -> Iterator[None]:
    """Run the body while proxies of a cluster find the istiod of ``other`` in place of theirs."""
    site = instead_of
    if other.network == site.network:
        pods = ready_pods(other.kube, other.shape.system, other.shape.istiod_pods)
        there = str(pods[0]["status"]["podIP"])
    else:
        there = address(other)
    with ExitStack() as undo:
        for each in (other, site):
            undo.callback(restart_istiod, each)
        if other.network != site.network:
            undo.enter_context(istiod_exposed(other))
        undo.enter_context(_istiod_at(site, there))
        restart_istiod(site)  # ends the connections that proxies have to it
        undo.enter_context(site.applied(_own_webhooks(site)))
        yield


@contextmanager
def _istiod_at(site: Site, address: str) -> Iterator[None]:
    shape = site.shape
    elsewhere = _slice(site, "istiod-elsewhere", address, ("https-dns", XDS_PORT))
    unselected = {"spec": {"selector": None}}
    own = f"kubernetes.io/service-name={shape.istiod}"
    with site.patched("Service", shape.istiod, unselected, shape.system):
        # Of a Service without a selector, what is in Endpoints would be mirrored to a slice.
        site.kube.delete("Endpoints", shape.istiod, shape.system)
        for piece in site.kube.list("EndpointSlice", shape.system, labels=own):
            site.kube.delete("EndpointSlice", piece["metadata"]["name"], shape.system)
        with site.applied(elsewhere):
            yield


def _own_webhooks(site: Site) -> Manifest:
    """Return what leads the API server to the cluster's own istiod, as it runs now."""
    pod = ready_pods(site.kube, site.shape.system, site.shape.istiod_pods)[0]
    address = str(pod["status"]["podIP"])
    return _slice(site, "istiod-webhooks", address, ("https-webhook", WEBHOOK_PORT))


def _slice(site: Site, name: str, address: str, port: tuple[str, int]) -> Manifest:
    labels = {
        "kubernetes.io/service-name": site.shape.istiod,
        "endpointslice.kubernetes.io/managed-by": "meshproof",
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": site.shape.system, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": port[0], "port": port[1], "protocol": "TCP"}],
    }
