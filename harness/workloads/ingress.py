"""An ingress gateway of its own for a check: Deployment, Service and the objects that open it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.meshes.base import PASSTHROUGH_PORT
from harness.probes.gateway import gateway_address, gateways_in
from harness.workloads.rules import gateway, virtual_service
from harness.workloads.site import Site
from harness.workloads.stage import HTTP_PORT, SAMPLE, Host

#: Where it listens for clients from outside.
PORT = 8080
_READY = Budget(timeout=90, interval=0.2, firm=True)


@dataclass(frozen=True, slots=True)
class Ingress:
    """A gateway called ``name`` in cluster ``site``, open to whoever reaches ``address``."""

    site: Site
    name: str
    address: str

    @property
    def url(self) -> str:
        """What clients outside of the mesh call."""
        return f"http://{self.address}:{PORT}/"

    @property
    def labels(self) -> dict[str, str]:
        """What its pods are found by."""
        return _labels(self.name)

    def connections(self) -> int:
        """Return how many connections it has opened to any Service."""
        selected = ",".join(f"{key}={value}" for key, value in self.labels.items())
        found = gateways_in(self.site, SAMPLE, selected)
        pattern = r"cluster\.outbound.*\.upstream_cx_total"
        return sum(sum(each.counters(pattern).values()) for each in found)


@contextmanager
def entered_by(site: Site, name: str, host: Host) -> Iterator[Ingress]:
    """Have an ingress gateway in ``site`` that leads to ``host`` while the body runs."""
    opened = (_opening(name), _route(name, host))
    with site.applied(_service(name), _deployment(name)), site.config.applied(*opened):
        site.rolled_out(name, SAMPLE)
        address = eventually(
            lambda: gateway_address(site.kube, name, SAMPLE),
            bool,
            what=f"{SAMPLE}/{name} of {site} has an address",
            budget=_READY,
        )
        yield Ingress(site, name, address)


def _labels(name: str) -> dict[str, str]:
    return {"istio": "ingressgateway", "app": name}


def _deployment(name: str) -> Manifest:
    """Return a Deployment whose pods are all that the injector's template makes of them."""
    metadata = {
        "labels": {**_labels(name), "sidecar.istio.io/inject": "true"},
        "annotations": {"inject.istio.io/templates": "gateway"},
    }
    proxy = {"name": "istio-proxy", "image": "auto", "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": SAMPLE},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _labels(name)},
            "template": {"metadata": metadata, "spec": {"containers": [proxy]}},
        },
    }


def _service(name: str) -> Manifest:
    ports = (("http", PORT), ("tls", PASSTHROUGH_PORT))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": SAMPLE, "labels": _labels(name)},
        "spec": {
            "type": "LoadBalancer",
            "selector": _labels(name),
            "ports": [{"name": each, "port": port, "targetPort": port} for each, port in ports],
        },
    }


def _opening(name: str) -> Manifest:
    port = {"number": PORT, "name": "http", "protocol": "HTTP"}
    return gateway(name, SAMPLE, labels=_labels(name), servers=[{"port": port, "hosts": ["*"]}])


def _route(name: str, host: Host) -> Manifest:
    destination = {"host": host.fqdn, "port": {"number": HTTP_PORT}}
    routes = [{"route": [{"destination": destination}]}]
    return virtual_service(name, SAMPLE, hosts=["*"], http=routes, gateways=[name])
