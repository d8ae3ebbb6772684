"""The IstioOperator resources of a cluster: what both drivers hand to istioctl."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from harness.artifacts.components import ISTIO_HUB
from harness.kube import Manifest
from harness.meshes.base import (
    ACCESS_LOG,
    COUNTERS,
    DNS_VARIABLE,
    NETWORK_LABEL,
    NODE_SELECTOR,
    PASSTHROUGH_PORT,
    WEBHOOK_PORT,
    XDS_PORT,
)
from harness.meshes.istio.plan import ClusterInstall, Part
from harness.model import Gateway
from harness.model.plan import ADDRESS_ANNOTATION, NODE_PORT
from harness.model.topology import DataPlane, GatewayAddress, GatewayServiceType

#: Ports of an east-west gateway, as the guides and the gateway chart name them.
GATEWAY_PORTS: Mapping[str, int] = {
    "status-port": 15021,
    "tls": PASSTHROUGH_PORT,
    "tls-istiod": XDS_PORT,
    "tls-webhook": WEBHOOK_PORT,
}

#: Stands in a rendering for the address of a gateway that is not known yet (RFC 5737, TEST-NET-1).
SOME_ADDRESS = "192.0.2.1"

#: Labels that every node has.
_EVERY_NODE = {"kubernetes.io/os": "linux"}
#: Label of a gateway's Service whose port for other networks is not the usual one.
_PORT_LABEL = "networking.istio.io/gatewayPort"
#: What lets ambient meshes span networks, which is not so by default.
_AMBIENT = {"AMBIENT_ENABLE_MULTI_NETWORK": "true"}
#: Extensions that only Istio's own build of Envoy knows; stock Envoy rejects them.
_STOCK_ENVOY = {"PILOT_ENABLE_ALPN_FILTER": "false", "PILOT_ENABLE_METADATA_EXCHANGE": "false"}


@dataclass(frozen=True, slots=True)
class Release:
    """Which build is installed: the images' tag, and where they are from."""

    tag: str
    hub: str = ISTIO_HUB


def operator(
    install: ClusterInstall, release: Release, roots: Mapping[str, str] | None = None
) -> str:
    """Return the resource for what is installed first, as JSON, which is YAML.

    ``roots`` are certificates (PEM) by the name of the root, for the meshes that it trusts.

    Gateways of a remote are apart from it (:func:`gateways_operator`): they need an istiod that
    the remote must be attached to before.
    """
    made = {
        Part.PRIMARY: _primary,
        Part.HOST: _primary,
        Part.REMOTE: _remote,
        Part.EXTERNAL: _external,
    }
    return _document(install, release, made[install.part](install), roots or {})


def gateways_operator(install: ClusterInstall, release: Release) -> str:
    """Return the resource for the gateways of a cluster alone, as the samples have it."""
    spec = {"profile": "empty", "components": _gateways(install), "values": _values(install)}
    return _document(install, release, spec, {})


def _document(
    install: ClusterInstall, release: Release, spec: Manifest, roots: Mapping[str, str]
) -> str:
    whole: Manifest = {
        "hub": release.hub,
        "tag": release.tag,
        "meshConfig": mesh_config(install, roots),
        **spec,
    }
    if install.plane.revision:
        whole["revision"] = install.plane.revision
    document = {"apiVersion": "install.istio.io/v1alpha1", "kind": "IstioOperator", "spec": whole}
    return json.dumps(document, sort_keys=True)


def _primary(install: ClusterInstall) -> Manifest:
    components = {"pilot": _pilot(install), **_gateways(install)}
    if install.data_plane is DataPlane.AMBIENT:
        values = _values(install)
        values["global"]["variant"] = ""  # images are named without the suffix of one
        return {"profile": "ambient", "components": components, "values": values}
    return {"profile": "minimal", "components": components, "values": _values(install)}


def _remote(install: ClusterInstall) -> Manifest:
    """Return what attaches a cluster to istiods elsewhere; the first one configures others, too."""
    values = _values(install)
    path = f"/inject/cluster/{install.cluster}/net/{install.network}"
    values["istiodRemote"] = {"injectionPath": path}
    values["global"]["remotePilotAddress"] = SOME_ADDRESS
    if install.configured_here:
        values["global"]["configCluster"] = True
        values["pilot"]["configMap"] = True
    return {"profile": "remote", "values": values}


def _external(install: ClusterInstall) -> Manifest:
    """Return an istiod for other clusters, which leaves the webhooks of its own one alone.

    It reads its configuration by the Secret ``istio-kubeconfig``, other clusters by the remote
    secrets of its own one, and has its settings at hand, since the ConfigMaps of another cluster
    are not mounted (guide ``setup/install/external-controlplane``).
    """
    values = _values(install)
    values["global"] |= {
        "configValidation": False,
        "operatorManageWebhooks": True,
    }
    mounted = {"config-volume": "/etc/istio/config", "inject-volume": "/var/lib/istio/inject"}
    shape = install.shape
    maps = {"config-volume": shape.config_map, "inject-volume": shape.injector}
    values["pilot"] |= {
        "volumes": [{"name": name, "configMap": {"name": of}} for name, of in maps.items()],
        "volumeMounts": [{"name": name, "mountPath": path} for name, path in mounted.items()],
    }
    return {
        "profile": "empty",
        "components": {"pilot": {"enabled": True, **_pilot(install)}},
        "values": values,
    }


def _gateways(install: ClusterInstall) -> Manifest:
    """Return the gateways that are no objects of the Gateway API: those deploy themselves."""
    own = [gateway for gateway in install.gateways if not gateway.class_name]
    return {"ingressGateways": [_gateway(gateway) for gateway in own]}


def mesh_config(install: ClusterInstall, roots: Mapping[str, str]) -> Manifest:
    """Return what differs from Istio's defaults.

    An empty retry policy means no retries: hidden ones would hide a defect. Of a cluster's
    statistics those are kept that checks read; with all of them a proxy spends more than half of
    its time on making and dropping counters. Control planes of one mesh, and of meshes that trust
    each other, accept each other's trust domains.
    """
    plane = install.plane
    config: Manifest = {
        "accessLogFile": "/dev/stdout",
        "accessLogEncoding": "JSON",
        "accessLogFormat": json.dumps(ACCESS_LOG),
        "defaultConfig": {
            "proxyStatsMatcher": {"inclusionSuffixes": list(COUNTERS)},
            **_proxy_metadata(install),
        },
        "defaultHttpRetryPolicy": {},
        "trustDomain": plane.trust_domain,
    }
    if install.aliases:
        config["trustDomainAliases"] = list(install.aliases)
    if known := [each for each in install.anchors if each.root in roots]:
        config["caCertificates"] = [
            {"pem": roots[each.root], "trustDomains": list(each.trust_domains)} for each in known
        ]
    if plane.root_namespace != plane.namespace:
        config["rootNamespace"] = plane.root_namespace
    if plane.namespaces:
        config["discoverySelectors"] = [{"matchLabels": dict(plane.namespaces)}]
    return config


def _proxy_metadata(install: ClusterInstall) -> Manifest:
    """Return what proxies need to take roots of other meshes, and to know their services' names."""
    said = {"PROXY_CONFIG_XDS_AGENT": "true"} if install.anchors else {}
    said |= {DNS_VARIABLE: "true"} if install.imports or install.plane.dns_capture else {}
    return {"proxyMetadata": said} if said else {}


def _pilot(install: ClusterInstall) -> Manifest:
    ambient = install.data_plane is DataPlane.AMBIENT
    variables = {
        **(_AMBIENT if ambient else _STOCK_ENVOY),
        **({"ISTIO_MULTIROOT_MESH": "true"} if install.anchors else {}),
        **(_external_variables(install) if _is_external(install) else {}),
    }
    return {
        "k8s": {
            "env": [{"name": name, "value": value} for name, value in variables.items()],
            "readinessProbe": _probe("/ready", 8080),
            "replicaCount": install.plane.replicas,
            "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
        }
    }


def _is_external(install: ClusterInstall) -> bool:
    return install.part is Part.EXTERNAL


def _external_variables(install: ClusterInstall) -> Mapping[str, str]:
    """Return the environment of an istiod whose configuration is in another cluster."""
    system = install.plane.namespace
    return {
        "INJECTION_WEBHOOK_CONFIG_NAME": f"istio-sidecar-injector-{system}",
        "LOCAL_CLUSTER_SECRET_WATCHER": "true",
        "SHARED_MESH_CONFIG": install.shape.config_map,
        "VALIDATION_WEBHOOK_CONFIG_NAME": f"istio-validator-{system}",
    }


def _gateway(gateway: Gateway) -> Manifest:
    ports = {**GATEWAY_PORTS, "tls": gateway.port}
    labels = {"app": gateway.name, **gateway.labels}
    if not gateway.seen_from:  # else istiods are told of it, and must not find it by themselves
        labels[NETWORK_LABEL] = gateway.network
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
            **_service(gateway, ports),
        },
    }


def _service(gateway: Gateway, ports: Mapping[str, int]) -> Manifest:
    """Return what the Service is; one without an address says at which nodes it is reached."""
    listed = [{"name": name, "port": port, "targetPort": port} for name, port in ports.items()]
    if gateway.address != GatewayAddress.IP:
        annotations = {ADDRESS_ANNOTATION: gateway.address}
        return {"service": {"ports": listed}, "serviceAnnotations": annotations}
    if gateway.type != GatewayServiceType.NODE_PORT:
        return {"service": {"ports": listed}}
    for port in listed:
        port |= {"nodePort": NODE_PORT} if port["name"] == "tls" else {}
    return {
        "service": {"type": gateway.type, "ports": listed},
        "serviceAnnotations": {NODE_SELECTOR: json.dumps(_EVERY_NODE)},
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
            **({"externalIstiod": True} if _serves_others(install) else {}),
            "istioNamespace": install.plane.namespace,
            "meshID": install.plane.mesh,
            "multiCluster": {"clusterName": _cluster_name(install)},
            "network": install.network,
            "proxy": {
                "clusterDomain": install.plane.domain,
                "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
            },
        },
        "pilot": {"autoscaleEnabled": False},
        "telemetry": {"enabled": False},
    }


def _cluster_name(install: ClusterInstall) -> str:
    """Return the name of a cluster in its mesh; an external istiod goes by that of another one."""
    return install.plane.config_cluster if _is_external(install) else install.cluster


def _serves_others(install: ClusterInstall) -> bool:
    return install.runs_istiod and bool({*install.plane.serves} - {install.cluster})
