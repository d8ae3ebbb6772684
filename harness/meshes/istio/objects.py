"""Objects that a mesh needs beside the rendered ones: namespace and exposure."""

from harness.kube import Manifest
from harness.meshes.base import NETWORK_LABEL, PASSTHROUGH_PORT, MeshShape
from harness.meshes.istio.plan import ClusterInstall


def namespace(install: ClusterInstall, shape: MeshShape) -> Manifest:
    """Return the system namespace; its label is the default network of the whole cluster."""
    labels = {NETWORK_LABEL: install.network}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": shape.system, "labels": labels},
    }


def exposure(shape: MeshShape) -> Manifest:
    """Return the Gateway that lets other networks reach every service by its SNI."""
    server = {
        "port": {"number": PASSTHROUGH_PORT, "name": "tls", "protocol": "TLS"},
        "tls": {"mode": "AUTO_PASSTHROUGH"},
        "hosts": ["*.local"],
    }
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": shape.exposure, "namespace": shape.system},
        "spec": {"selector": {"istio": shape.gateway_selector}, "servers": [server]},
    }
