"""Objects that a mesh needs beside the rendered ones: namespaces and exposure."""

from collections.abc import Iterator, Sequence

from harness.kube import Manifest
from harness.meshes.base import (
    AUTO_PASSTHROUGH,
    ISTIOD_ROUTE,
    LEADERS,
    LISTENER_MODE,
    NETWORK_LABEL,
    WEBHOOK_PORT,
    XDS_PORT,
)
from harness.meshes.istio.plan import ClusterInstall, Exposure
from harness.model import ControlPlane, Gateway
from harness.model.plan import ADDRESS_ANNOTATION
from harness.model.topology import GatewayAddress

#: Ports of an istiod as a gateway exposes it, and those of its Service.
_ISTIOD_PORTS = {XDS_PORT: XDS_PORT, WEBHOOK_PORT: 443}
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
        yield _api_gateway(gateway)
        return
    if not exposure.istiods:
        yield _gateway(exposure, "AUTO_PASSTHROUGH", {gateway.port: "tls"}, gateway.hosts)
        return
    ports = {XDS_PORT: "tls-istiod", WEBHOOK_PORT: "tls-istiodwebhook"}
    yield _gateway(exposure, "PASSTHROUGH", ports, ("*",))
    for istiod in exposure.istiods:
        alone = len(exposure.istiods) == 1
        yield _route(exposure, istiod, ["*"] if alone else _names(istiod))


def _gateway(
    exposure: Exposure, mode: str, ports: dict[int, str], hosts: Sequence[str]
) -> Manifest:
    servers = [
        {
            "port": {"number": number, "name": name, "protocol": "TLS"},
            "tls": {"mode": mode},
            "hosts": list(hosts),
        }
        for number, name in ports.items()
    ]
    gateway = exposure.gateway
    return {
        "apiVersion": _NETWORKING,
        "kind": "Gateway",
        "metadata": {"name": exposure.name, "namespace": gateway.namespace},
        "spec": {"selector": dict(gateway.labels), "servers": servers},
    }


def _api_gateway(gateway: Gateway) -> Manifest:
    """Return a gateway of the Gateway API: a listener for each of its hosts, on one port.

    Its controller gives the labels and annotations of the object to the Service that it makes.
    """
    listeners = [
        {
            "name": f"services-{number}",
            "port": gateway.port,
            "protocol": "TLS",
            **({} if host == "*" else {"hostname": host}),
            "tls": {"mode": "Passthrough", "options": {LISTENER_MODE: AUTO_PASSTHROUGH}},
        }
        for number, host in enumerate(gateway.hosts)
    ]
    given = {ADDRESS_ANNOTATION: gateway.address} if gateway.address != GatewayAddress.IP else {}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {
            "name": gateway.name,
            "namespace": gateway.namespace,
            "labels": {NETWORK_LABEL: gateway.network},
            "annotations": given,
        },
        "spec": {"gatewayClassName": gateway.class_name, "listeners": listeners},
    }


def _route(exposure: Exposure, istiod: ControlPlane, sni: Sequence[str]) -> Manifest:
    """Return what leads from a gateway to an istiod, by the names that its clients ask for."""
    service = _service(istiod)
    host = f"{service}.{istiod.namespace}.svc.{istiod.domain}"
    routes = [
        {
            "match": [{"port": port, "sniHosts": list(sni)}],
            "route": [{"destination": {"host": host, "port": {"number": number}}}],
        }
        for port, number in _ISTIOD_PORTS.items()
    ]
    name = service.replace("istiod", ISTIOD_ROUTE, 1)
    return {
        "apiVersion": _NETWORKING,
        "kind": "VirtualService",
        "metadata": {"name": name, "namespace": exposure.gateway.namespace},
        "spec": {"hosts": list(sni), "gateways": [exposure.name], "tls": routes},
    }


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
