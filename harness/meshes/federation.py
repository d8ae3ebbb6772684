"""The objects by which a mesh uses a service of another one, through gateways of that mesh.

The other mesh passes mutual TLS on by SNI (AUTO_PASSTHROUGH), and knows the service by a name of
its own clusters; callers use a name that tells whose it is. A ServiceEntry makes that name known,
a DestinationRule asks the gateway for the other one.
"""

from collections.abc import Sequence

from harness.kube import Manifest
from harness.meshes.addresses import is_ip
from harness.meshes.base import TLS_MODE, TLS_MODE_LABEL
from harness.model import Import

_NETWORKING = "networking.istio.io/v1"
_PORT = "http"


def imported(
    service: Import, namespace: str, ways: Sequence[tuple[str, int]], domain: str = "cluster.local"
) -> list[Manifest]:
    """Return what makes ``service`` known to a whole mesh, whose root namespace may hold it.

    ``ways`` are addresses (IPs or names) and ports of gateways into the other mesh, whose clusters
    have the DNS ``domain``.
    """
    metadata = {"name": service.name.replace(".", "-"), "namespace": namespace}
    named = any(not is_ip(address) for address, _ in ways)
    entry = {
        "hosts": [service.name],
        "location": "MESH_INTERNAL",
        "resolution": "DNS" if named else "STATIC",
        "addresses": [service.address],
        "ports": [{"number": service.port, "name": _PORT, "protocol": "HTTP"}],
        "endpoints": [
            {"address": address, "ports": {_PORT: port}, "labels": {TLS_MODE_LABEL: TLS_MODE}}
            for address, port in ways
        ],
    }
    rule = {"host": service.name, "trafficPolicy": {"tls": _tls(service, domain)}}
    return [
        {"apiVersion": _NETWORKING, "kind": "ServiceEntry", "metadata": metadata, "spec": entry},
        {"apiVersion": _NETWORKING, "kind": "DestinationRule", "metadata": metadata, "spec": rule},
    ]


def sni(service: Import, domain: str = "cluster.local") -> str:
    """Return the SNI by which a gateway of the other mesh finds a service."""
    return f"outbound_.{service.port}_._.{service.host}.svc.{domain}"


def _tls(service: Import, domain: str) -> Manifest:
    return {"mode": "ISTIO_MUTUAL", "sni": sni(service, domain)}
