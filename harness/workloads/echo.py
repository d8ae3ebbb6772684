"""The agent as a workload: Deployment, account, Service and namespace as plain manifests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.kube import Manifest
from harness.probes import access
from harness.probes.caller import AGENT_LABEL
from harness.probes.transport import CONTROL_PORT

IMAGE = "meshproof/agent:1"
CONTAINER = "agent"
#: Container ports by name; the control port is not among them, no Service leads there.
PORTS: Mapping[str, int] = {"http": 8080, "tcp-echo": 9000, "grpc": 7070}

#: Longer than the agent's longest drain, so that it is never cut short.
_GRACE_SECONDS = 20
_FIELDS = {
    "POD_NAME": "metadata.name",
    "NAMESPACE": "metadata.namespace",
    "ACCOUNT": "spec.serviceAccountName",
}
_READY: Manifest = {"httpGet": {"path": "/ready", "port": CONTROL_PORT}, "timeoutSeconds": 5}
#: What lets the harness in on the control port; no manifest carries its value.
_TOKEN: Manifest = {
    "name": "CONTROL_TOKEN",
    "valueFrom": {"secretKeyRef": {"name": access.SECRET, "key": access.KEY}},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """One agent Deployment and its ServiceAccount.

    ``account`` and the label ``app`` are called like the Deployment unless they say otherwise.
    ``injected=False`` keeps the sidecar out even where the namespace asks for it. Its pods start
    once their namespace has the Secret of :func:`harness.probes.access.grant`, as it has after
    :meth:`harness.workloads.site.Site.deploy`.
    """

    name: str
    namespace: str
    version: str = "v1"
    account: str = ""
    app: str = ""
    replicas: int = 1
    injected: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    def manifests(self, cluster: str) -> list[Manifest]:
        """Return the objects to apply in ``cluster`` (the name that its instances answer)."""
        return [self._account(), self._deployment(cluster)]

    def _account(self) -> Manifest:
        metadata = {"name": self.account or self.name, "namespace": self.namespace}
        return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}

    def _deployment(self, cluster: str) -> Manifest:
        selector = {"app": self.app or self.name, "version": self.version}
        opt_out = {} if self.injected else {"sidecar.istio.io/inject": "false"}
        annotations = {
            "traffic.sidecar.istio.io/excludeInboundPorts": str(CONTROL_PORT),
            **self.annotations,
        }
        labels = {**selector, AGENT_LABEL: "true", **opt_out, **self.labels}
        metadata = {"labels": labels, "annotations": annotations}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": selector},
            "spec": {
                "replicas": self.replicas,
                "revisionHistoryLimit": 1,
                "selector": {"matchLabels": selector},
                "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": {"metadata": metadata, "spec": self._pod(cluster)},
            },
        }

    def _pod(self, cluster: str) -> Manifest:
        said = {"CLUSTER": cluster, "VERSION": self.version, **self.env}
        return {
            "serviceAccountName": self.account or self.name,
            "terminationGracePeriodSeconds": _GRACE_SECONDS,
            "containers": [
                {
                    "name": CONTAINER,
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "env": [
                        *({"name": name, "value": value} for name, value in said.items()),
                        *(_from_field(name, path) for name, path in _FIELDS.items()),
                        _TOKEN,
                    ],
                    "ports": [
                        {"name": name, "containerPort": port} for name, port in PORTS.items()
                    ],
                    # Ready soon, and afterwards looked at seldom: an agent that is up stays so,
                    # and one that answers late on a busy machine must not lose its endpoint.
                    "startupProbe": {**_READY, "periodSeconds": 1, "failureThreshold": 60},
                    "readinessProbe": {**_READY, "periodSeconds": 10},
                }
            ],
        }


def _from_field(name: str, path: str) -> Manifest:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def service(
    name: str,
    namespace: str,
    *,
    app: str = "",
    annotations: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    type: str = "ClusterIP",  # noqa: A002 - the field is called so
) -> Manifest:
    """Return a Service over the pods labelled ``app`` (default: like the Service).

    Ports: ``http`` 5000, ``tcp-echo`` 9000, ``grpc`` 7070, each with its application protocol,
    because a proxy that has to guess would treat them as opaque bytes.
    """
    ports = (("http", 5000, "http"), ("tcp-echo", 9000, "tcp"), ("grpc", 7070, "grpc"))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": app or name, **(labels or {})},
            "annotations": dict(annotations or {}),
        },
        "spec": {
            "type": type,
            "selector": {"app": app or name},
            "ports": [
                {"name": port, "port": number, "targetPort": PORTS[port], "appProtocol": protocol}
                for port, number, protocol in ports
            ],
        },
    }


def headless(name: str, namespace: str, *, app: str) -> Manifest:
    """Return a Service without an address: callers get those of the pods labelled ``app``.

    Its port ``http`` is that of the pods, because nothing stands between that would change it.
    """
    port = PORTS["http"]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": app}},
        "spec": {
            "clusterIP": "None",
            "selector": {"app": app},
            "ports": [{"name": "http", "port": port, "targetPort": port, "appProtocol": "http"}],
        },
    }


def namespace(
    name: str,
    *,
    injected: bool,
    revision: str = "",
    labels: Mapping[str, str] | None = None,
) -> Manifest:
    """Return a Namespace whose pods get a sidecar, of ``revision`` if one is named, or none."""
    if not injected:
        asked = {"istio-injection": "disabled"}
    elif revision:
        asked = {"istio.io/rev": revision}
    else:
        asked = {"istio-injection": "enabled"}
    metadata = {"name": name, "labels": {**asked, **(labels or {})}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
