"""What leads from a gateway to a control plane, and from one of the Gateway API to services.

Installations write it, and checks that expose a control plane for a while.
"""

from collections.abc import Iterator, Mapping, Sequence

from harness.kube import Manifest
from harness.meshes.base import AUTO_PASSTHROUGH, LISTENER_MODE, WEBHOOK_PORT, XDS_PORT

#: Ports of a control plane as a gateway exposes it, and those of its Service.
_ISTIOD_PORTS = {XDS_PORT: XDS_PORT, WEBHOOK_PORT: 443}
_SERVERS = {XDS_PORT: "tls-istiod", WEBHOOK_PORT: "tls-istiodwebhook"}
_ISTIO = "networking.istio.io/v1"
API_VERSION = "gateway.networking.k8s.io/v1"


def istiod_gateway(name: str, namespace: str, labels: Mapping[str, str]) -> Manifest:
    """Return the Gateway (of Istio's own) that opens the ports of a control plane."""
    servers = [
        {
            "port": {"number": number, "name": of, "protocol": "TLS"},
            "tls": {"mode": "PASSTHROUGH"},
            "hosts": ["*"],
        }
        for number, of in _SERVERS.items()
    ]
    spec = {"selector": dict(labels), "servers": servers}
    return _object(_ISTIO, "Gateway", name, namespace, spec)


def istiod_route(
    name: str, namespace: str, *, gateway: str, host: str, sni: Sequence[str] = ("*",)
) -> Manifest:
    """Return what leads from it to the Service ``host``, by the names that clients ask for."""
    routes = [
        {
            "match": [{"port": port, "sniHosts": list(sni)}],
            "route": [{"destination": {"host": host, "port": {"number": number}}}],
        }
        for port, number in _ISTIOD_PORTS.items()
    ]
    spec = {"hosts": list(sni), "gateways": [gateway], "tls": routes}
    return _object(_ISTIO, "VirtualService", name, namespace, spec)


def service_listeners(port: int, hosts: Sequence[str]) -> list[Manifest]:
    """Return the listeners that pass mutual TLS on by SNI, one for each host (``*``: for any)."""
    mode = {"mode": "Passthrough", "options": {LISTENER_MODE: AUTO_PASSTHROUGH}}
    return [
        _listener(f"services-{number}", port, mode) | ({"hostname": host} if host != "*" else {})
        for number, host in enumerate(hosts)
    ]


def hbone_listeners(port: int) -> list[Manifest]:
    """Return the listener by which ambient meshes reach what is labelled as global."""
    options = {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"}
    tls = {"mode": "Terminate", "options": options}
    return [{"name": "mesh", "port": port, "protocol": "HBONE", "tls": tls}]


def istiod_listeners() -> list[Manifest]:
    """Return the listeners for what proxies and API servers ask a control plane for."""
    return [_listener(_section(port), port, {"mode": "Passthrough"}) for port in _ISTIOD_PORTS]


def istiod_routes(
    gateway: str, namespace: str, service: str, hosts: Sequence[str]
) -> Iterator[Manifest]:
    """Yield what leads from these listeners to a control plane's Service of the same namespace.

    ``hosts`` are the names that its clients ask for by SNI.
    """
    for port, number in _ISTIOD_PORTS.items():
        spec = {
            "parentRefs": [{"name": gateway, "sectionName": _section(port)}],
            "hostnames": list(hosts),
            "rules": [{"backendRefs": [{"name": service, "port": number}]}],
        }
        yield _object(API_VERSION, "TLSRoute", f"{service}-{port}", namespace, spec)


def _listener(name: str, port: int, tls: Manifest) -> Manifest:
    return {"name": name, "port": port, "protocol": "TLS", "tls": tls}


def _section(port: int) -> str:
    return f"istiod-{port}"


def _object(version: str, kind: str, name: str, namespace: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
