"""The IstioOperator resource of a cluster: what both drivers hand to istioctl."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.artifacts.components import ISTIO_HUB
from harness.kube import Manifest
from harness.meshes.base import ACCESS_LOG, NETWORK_LABEL, PASSTHROUGH_PORT
from harness.meshes.istio.plan import ClusterInstall
from harness.model import Gateway

#: Ports of an east-west gateway, as the guides and the gateway chart name them.
GATEWAY_PORTS: Mapping[str, int] = {
    "status-port": 15021,
    "tls": PASSTHROUGH_PORT,
    "tls-istiod": 15012,
    "tls-webhook": 15017,
}

#: Label of a gateway's Service whose port for other networks is not the usual one.
_PORT_LABEL = "networking.istio.io/gatewayPort"
#: Extensions that only Istio's own build of Envoy knows; stock Envoy rejects them.
_STOCK_ENVOY = {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}


@dataclass(frozen=True, slots=True)
class Release:
    """Which build is installed: the images' tag, and where they are from."""

    tag: str
    hub: str = ISTIO_HUB


def operator(install: ClusterInstall, release: Release) -> str:
    """Return the resource for a primary as JSON, which is YAML."""
    spec: Manifest = {
        "profile": "minimal",
        "hub": release.hub,
        "tag": release.tag,
        "meshConfig": mesh_config(install),
        "components": {
            "pilot": _pilot(install.plane.replicas),
            "ingressGateways": [_gateway(gateway) for gateway in install.gateways],
        },
        "values": _values(install),
    }
    if install.plane.revision:
        spec["revision"] = install.plane.revision
    document = {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": spec}
    return json.dumps(document, sort_keys=True)


def mesh_config(install: ClusterInstall) -> Manifest:
    """Return what differs from Istio's defaults.

    An empty retry policy means no retries: hidden ones would hide a defect. All statistics
    are kept, because checks read the counters of gateways. Control planes of one mesh accept
    each other's trust domains.
    """
    plane = install.plane
    config: Manifest = {
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "accessLogFormat": json.dumps(ACCESS_LOG),
        "defaultConfig": {"proxyStatsMatcher": {"inclusionRegexps": [".*"]}},
        "defaultHttpRetryPolicy": {},
        "trustDomain": plane.trust_domain,
    }
    if install.aliases:
        config["trustDomainAliases"] = list(install.aliases)
    if plane.root_namespace != plane.namespace:
        config["rootNamespace"] = plane.root_namespace
    return config


def _pilot(replicas: int) -> Manifest:
    return {
        "k8s": {
            "env": [{"name": name, "value": value} for name, value in _STOCK_ENVOY.items()],
            "readinessProbe": _probe("/ready", 8080),
            "replicaCount": replicas,
            "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
        }
    }


def _gateway(gateway: Gateway) -> Manifest:
    ports = {**GATEWAY_PORTS, "tls": gateway.port}
    labels = {"app": gateway.name, **gateway.labels, NETWORK_LABEL: gateway.network}
    if gateway.port != PASSTHROUGH_PORT:
        labels[_PORT_LABEL] = str(gateway.port)
    return {
        "name": gateway.name,
        "namespace": gateway.namespace,
        "enabled": True,
        "label": labels,
        "k8s": {
            "env": [{"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": gateway.network}],
            "readinessProbe": _probe("/healthz/ready", 15021),
            "replicaCount": gateway.replicas,
            "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
            "service": {
                "ports": [
                    {"name": name, "port": port, "targetPort": port} for name, port in ports.items()
                ]
            },
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


def _values(install: ClusterInstall) -> Manifest:
    return {
        "gateways": {
            "istio-ingressgateway": {"autoscaleEnabled": False, "injectionTemplate": "gateway"}
        },
        "global": {
            # A gateway's own image has no tag ("auto"), which would be pulled every time.
            "imagePullPolicy": "IfNotPresent",
            "istioNamespace": install.plane.namespace,
            "meshID": install.plane.mesh,
            "multiCluster": {"clusterName": install.cluster},
            "network": install.network,
            "proxy": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}},
        },
        "pilot": {"autoscaleEnabled": False},
        "telemetry": {"enabled": False},
    }
