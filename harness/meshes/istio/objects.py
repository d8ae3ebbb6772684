"""Objects that a mesh needs beside the rendered ones: namespaces and exposure."""

from harness.kube import Manifest
from harness.meshes.base import NETWORK_LABEL
from harness.meshes.istio.plan import ClusterInstall
from harness.model import Gateway


def namespaces(install: ClusterInstall) -> list[Manifest]:
    """Return the namespaces; a label of the first is the default network of the whole cluster."""
    system, *others = install.namespaces
    return [_namespace(system, {NETWORK_LABEL: install.network}), *map(_namespace, others)]


def exposure(install: ClusterInstall, gateway: Gateway) -> Manifest:
    """Return the Gateway object that lets other networks reach services by their SNI."""
    server = {
        "port": {"number": gateway.port, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": list(gateway.hosts),
    }
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": install.exposure(gateway), "namespace": gateway.namespace},
        "spec": {"selector": dict(gateway.labels), "servers": [server]},
    }


def _namespace(name: str, labels: dict[str, str] | None = None) -> Manifest:
    metadata = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
