"""The IstioOperator resource of a cluster: what both drivers hand to istioctl."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.artifacts.components import ISTIO_HUB
from harness.kube import Manifest
from harness.meshes.base import ACCESS_LOG, NETWORK_LABEL, PASSTHROUGH_PORT, MeshShape
from harness.meshes.istio.plan import ClusterInstall

#: Ports of an east-west gateway, as the guides and the gateway chart name them.
GATEWAY_PORTS: Mapping[str, int] = {
    "status-port": 15021,
    "tls": PASSTHROUGH_PORT,
    "tls-istiod": 15012,
    "tls-webhook": 15017,
}

#: Extensions that only Istio's own build of Envoy knows; stock Envoy rejects them.
_STOCK_ENVOY = {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}


@dataclass(frozen=True, slots=True)
class Release:
    """Which build is installed: the images' tag, and where they are from."""

    tag: str
    hub: str = ISTIO_HUB


def operator(install: ClusterInstall, shape: MeshShape, release: Release) -> str:
    """Return the resource for a primary as JSON, which is YAML."""
    gateways = [_gateway(install, shape)] if install.gateway else []
    spec: Manifest = {
        "profile": "minimal",
        "hub": release.hub,
        "tag": release.tag,
        "meshConfig": mesh_config(install),
        "components": {"pilot": _pilot(), "ingressGateways": gateways},
        "values": _values(install, shape),
    }
    document = {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec}
    return json.dumps(document, sort_keys=True)


def mesh_config(install: ClusterInstall) -> Manifest:
    """Return what differs from Istio's defaults.

    An empty retry policy means no retries: hidden ones would hide a defect. All statistics
    are kept, because checks read the counters of gateways.
    """
    return {
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "accessLogFormat": json.dumps(ACCESS_LOG),
        "defaultConfig": {"proxyStatsMatcher": {"inclusionRegexps": [".*"]}},
        "defaultHttpRetryPolicy": {},
        "trustDomain": install.trust_domain,
    }


def _pilot() -> Manifest:
    return {
        "k8s": {
            "env": [{"name": name, "value": value} for name, value in _STOCK_ENVOY.items()],
            "readinessProbe": _probe("/ready", 8080),
            "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
        }
    }


def _gateway(install: ClusterInstall, shape: MeshShape) -> Manifest:
    view = {"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": install.network}
    ports = [
        {"name": name, "port": port, "targetPort": port} for name, port in GATEWAY_PORTS.items()
    ]
    return {
        "name": shape.gateway,
        "enabled": True,
        "label": {
            "app": shape.gateway,
            "istio": shape.gateway_selector,
            NETWORK_LABEL: install.network,
        },
        "k8s": {
            "env": [view],
            "readinessProbe": _probe("/healthz/ready", 15021),
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
            "service": {"ports": ports},
        },
    }


def _probe(path: str, port: int) -> Manifest:
    """Return a readiness probe that looks every second, not every 3 or 15."""
    return {
        "httpGet": {"path": path, "port": port},
        "initialDelaySeconds": 0,
        "periodSeconds": 1,
        "timeoutSeconds": 5,
    }


def _values(install: ClusterInstall, shape: MeshShape) -> Manifest:
    return {
        "gateways": {
            "istio-ingressgateway": {"autoscaleEnabled": False, "injectionTemplate": "gateway"}
        },
        "global": {
            # A gateway's own image has no tag ("auto"), which would be pulled every time.
            "imagePullPolicy": "IfNotPresent",
            "istioNamespace": shape.system,
            "meshID": install.mesh_id,
            "multiCluster": {"clusterName": install.cluster},
            "network": install.network,
            "proxy": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},
        },
        "pilot": {"autoscaleEnabled": False},
        "telemetry": {"enabled": False},
    }
