"""Objects that a mesh needs beside the rendered ones: namespaces and exposure."""

from collections.abc import Iterator, Sequence

from harness.kube import Manifest
from harness.meshes.base import ISTIOD_ROUTE, LEADERS, NETWORK_LABEL
from harness.meshes.exposing import (
    API_VERSION,
    hbone_listeners,
    istiod_gateway,
    istiod_listeners,
    istiod_route,
    istiod_routes,
    service_listeners,
)
from harness.meshes.istio.plan import ClusterInstall, Exposure
from harness.model import ControlPlane, Gateway, structure
from harness.model.plan import ADDRESS_ANNOTATION
from harness.model.topology import GatewayAddress

_NETWORKING = "networking.istio.io/v1"


def namespaces(install: ClusterInstall) -> list[Manifest]:
    """Return the namespaces; a label of the first is the default network of the whole cluster."""
    system, *others = install.namespaces
    labels = {NETWORK_LABEL: install.network, **install.plane.namespaces}
    annotations = {LEADERS: ",".join(install.leaders)} if install.leaders else {}
    return [_namespace(system, labels, annotations), *(_namespace(each) for each in others)]


def exposures(install: ClusterInstall) -> list[Manifest]:
    """Return the Gateway objects of a cluster, each once, and the routes that they need."""
    found = [each for exposed in install.exposures for each in _exposed(exposed)]
    return [each for index, each in enumerate(found) if each not in found[:index]]


def _exposed(exposure: Exposure) -> Iterator[Manifest]:
    gateway = exposure.gateway
    if gateway.class_name:
        yield from _of_the_gateway_api(exposure)
        return
    if not exposure.istiods:
        yield _services(exposure)
        return
    yield istiod_gateway(exposure.name, gateway.namespace, gateway.labels)
    for istiod in exposure.istiods:
        alone = len(exposure.istiods) == 1
        yield _route(exposure, istiod, ["*"] if alone else _names(istiod))


def _services(exposure: Exposure) -> Manifest:
    gateway = exposure.gateway
    server = {
        "port": {"number": gateway.port, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": list(gateway.hosts),
    }
    return {
        "apiVersion": _NETWORKING,
        "kind": "Gateway",
        "metadata": {"name": exposure.name, "namespace": gateway.namespace},
        "spec": {"selector": dict(gateway.labels), "servers": [server]},
    }


def _of_the_gateway_api(exposure: Exposure) -> Iterator[Manifest]:
    """Yield the gateway itself, with listeners for all that it exposes, and routes to istiods.

    Its controller gives the labels and annotations of the object to the Service that it makes.
    """
    gateway = exposure.gateway
    given = {ADDRESS_ANNOTATION: gateway.address} if gateway.address != GatewayAddress.IP else {}
    yield {
        "apiVersion": API_VERSION,
        "kind": "Gateway",
        "metadata": {
            "name": gateway.name,
            "namespace": gateway.namespace,
            "labels": {NETWORK_LABEL: gateway.network},
            "annotations": given,
        },
        "spec": {
            "gatewayClassName": gateway.class_name,
            "listeners": [*_listeners(gateway), *(istiod_listeners() if exposure.istiods else [])],
        },
    }
    for istiod in exposure.istiods:
        yield from istiod_routes(gateway.name, gateway.namespace, _service(istiod), _names(istiod))


def _listeners(gateway: Gateway) -> list[Manifest]:
    if "services" not in gateway.exposes:
        return []
    if gateway.class_name == structure.EAST_WEST_CLASS:
        return hbone_listeners(gateway.port)
    return service_listeners(gateway.port, gateway.hosts)


def _route(exposure: Exposure, istiod: ControlPlane, sni: Sequence[str]) -> Manifest:
    """Return what leads from a gateway to an istiod, by the names that its clients ask for."""
    service = _service(istiod)
    return istiod_route(
        service.replace("istiod", ISTIOD_ROUTE, 1),
        exposure.gateway.namespace,
        gateway=exposure.name,
        host=f"{service}.{istiod.namespace}.svc.{istiod.domain}",
        sni=sni,
    )


def _service(istiod: ControlPlane) -> str:
    return f"istiod-{istiod.revision}" if istiod.revision else "istiod"


def _names(istiod: ControlPlane) -> list[str]:
    short = f"{_service(istiod)}.{istiod.namespace}.svc"
    return [short, f"{short}.{istiod.domain}"]


def _namespace(
    name: str, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None
) -> Manifest:
    metadata = {
        "name": name,
        **({"labels": labels} if labels else {}),
        **({"annotations": annotations} if annotations else {}),
    }
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
