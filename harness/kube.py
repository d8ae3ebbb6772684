"""The one door to the Kubernetes API: plain manifests in, plain manifests out.

The official client brings configuration, TLS and connection pools; its generated models are
left aside because a conformance harness must carry fields that no released model knows.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, cast
from urllib.parse import quote, urlencode

import urllib3
from kubernetes import client, config

from harness.converge import Budget, eventually, pause
from harness.model import ApiError, InterruptedAnswerError
from harness.shell import redact

#: A Kubernetes object as the API server speaks it.
Manifest = dict[str, Any]

FIELD_MANAGER = "meshproof"

#: apiVersion of the kinds that callers name by kind alone, or with the group (KIND.GROUP, as for
#: kubectl) where another one has a kind of that name.
API_VERSIONS: Mapping[str, str] = {
    "AuthorizationPolicy": "security.istio.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "ConfigMap": "v1",
    "CustomResourceDefinition": "apiextensions.k8s.io/v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "DestinationRule": "networking.istio.io/v1",
    "Endpoints": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "EnvoyFilter": "networking.istio.io/v1alpha3",
    "Event": "v1",
    "Gateway": "networking.istio.io/v1",
    "Gateway.gateway.networking.k8s.io": "gateway.networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Lease": "coordination.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "Namespace": "v1",
    "Node": "v1",
    "PeerAuthentication": "security.istio.io/v1",
    "Pod": "v1",
    "PodDisruptionBudget": "policy/v1",
    "ReplicaSet": "apps/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "Secret": "v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "ServiceEntry": "networking.istio.io/v1",
    "ServiceExport": "multicluster.x-k8s.io/v1alpha1",
    "ServiceImport": "multicluster.x-k8s.io/v1alpha1",
    "Sidecar": "networking.istio.io/v1",
    "StatefulSet": "apps/v1",
    "TLSRoute": "gateway.networking.k8s.io/v1",
    "Telemetry": "telemetry.istio.io/v1",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
    "ValidatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "VirtualService": "networking.istio.io/v1",
    "WorkloadEntry": "networking.istio.io/v1",
    "WorkloadGroup": "networking.istio.io/v1",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an HTTP request through the API server came back with."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Event:
    """A change that a watch saw: ``ADDED``, ``MODIFIED``, ``DELETED`` or ``BOOKMARK``."""

    kind: str
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class _Resource:
    path: str
    namespaced: bool


class Kube:
    """One cluster's API server, as the holder of a kubeconfig sees it. Safe across threads.

    With a ``token``, as its holder sees it: the kubeconfig then says only where the server is.
    Raises :class:`ApiError` for a kubeconfig that is none or is not there.
    """

    def __init__(self, kubeconfig: Path | str, *, timeout: float = 30.0, token: str = "") -> None:
        self.kubeconfig = Path(kubeconfig)
        settings = client.Configuration()
        # The client puts keys into files of their own, and removes them if the process ends in
        # good order. Beside the kubeconfig of a lab, a killed process leaves none either: the
        # directory goes with the lab.
        try:
            config.load_kube_config(
                str(kubeconfig),
                client_configuration=settings,
                temp_file_path=str(self.kubeconfig.parent),
            )
        except config.ConfigException as error:
            raise ApiError(str(kubeconfig), 0, redact(str(error))) from error
        if token:
            settings.cert_file = settings.key_file = settings.refresh_api_key_hook = None
            settings.api_key = {"authorization": f"Bearer {token}"}
        settings.retries = False
        settings.connection_pool_maxsize = 64
        self._timeout = timeout
        self._client = client.ApiClient(settings)
        self._resources: dict[tuple[str, str], _Resource] = {}
        self._lock = Lock()

    # Reading

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        """Return the object; :class:`ApiError` 404 if it is absent."""
        return self._json("GET", self._path(kind, name, namespace))

    def find(self, kind: str, name: str, namespace: str | None = None) -> Manifest | None:
        """Return the object, or ``None`` if it is absent."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
    ) -> "list[Manifest]":
        """Return all objects of ``kind`` (in all namespaces if none is given), with their kind."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        listing = self._json("GET", self._path(kind, None, namespace), query)
        version = str(listing["apiVersion"])
        bare = _without_group(kind)
        return [{"apiVersion": version, "kind": bare, **item} for item in listing["items"]]

    def watch(
        self,
        kind: str,
        namespace: str | None = None,
        *,
        labels: str = "",
        fields: str = "",
        seconds: int = 300,
        initial_end: bool = False,
    ) -> Iterator[Event]:
        """Yield the present objects as ``ADDED``, then every change, for about ``seconds``.

        With ``initial_end`` a ``BOOKMARK`` marks the end of the objects that were present
        (others may follow; needs a server of Kubernetes 1.32 or later).
        Ends quietly when the server closes the stream, or is not ready for it and wants to be
        asked again; :class:`ApiError` if it cannot be opened or is cut. Callers loop around it
        and reconcile by uid.
        """
        query = {
            "watch": "true",
            "labelSelector": labels,
            "fieldSelector": fields,
            "timeoutSeconds": str(seconds),
        }
        if initial_end:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
            query["allowWatchBookmarks"] = "true"
        path = self._path(kind, None, namespace)
        response = self._send("GET", path, query, read_timeout=seconds + 15.0)
        try:
            yield from _events(response, path)
        finally:
            response.close()

    def version(self) -> str:
        """Return the server's version, such as ``v1.34.4``."""
        return str(self._json("GET", "/version")["gitVersion"])

    # Writing

    def apply(self, manifest: Manifest, *, manager: str = FIELD_MANAGER) -> Manifest:
        """Server-side apply ``manifest``, taking over fields that others own."""
        path = self._path_of(manifest)
        query = {"fieldManager": manager, "force": "true"}
        return self._json("PATCH", path, query, manifest, "application/apply-patch+yaml")

    def create(self, manifest: Manifest) -> Manifest:
        """Create ``manifest``; :class:`ApiError` 409 if it exists."""
        return self._json("POST", self._path_of(manifest, collection=True), None, manifest)

    def rehearse(self, manifest: Manifest) -> Manifest:
        """Have the creation of ``manifest`` judged, by webhooks too, and keep nothing of it."""
        path = self._path_of(manifest, collection=True)
        return self._json("POST", path, {"dryRun": "All"}, manifest)

    def patch(
        self,
        kind: str,
        name: str,
        patch: Manifest,
        namespace: str | None = None,
        *,
        subresource: str = "",
    ) -> Manifest:
        """Merge ``patch`` into the object; ``None`` values remove fields."""
        path = self._path(kind, name, namespace) + (f"/{subresource}" if subresource else "")
        return self._json("PATCH", path, None, patch, "application/merge-patch+json")

    def replace(self, manifest: Manifest) -> Manifest:
        """Replace the whole object (its ``resourceVersion`` guards against lost updates)."""
        return self._json("PUT", self._path_of(manifest), None, manifest)

    def delete(
        self,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        grace: int | None = None,
        uid: str = "",
    ) -> bool:
        """Ask for deletion; ``False`` if the object is absent already. Does not wait."""
        options: Manifest = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            self._json("DELETE", self._path(kind, name, namespace), None, options)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def remove(self, manifest: Manifest) -> bool:
        """Ask for the deletion of the object that ``manifest`` describes, whatever its kind.

        ``False`` if it, or its kind altogether, is absent already. Does not wait.
        """
        options = {"propagationPolicy": "Background"}
        try:
            self._json("DELETE", self._path_of(manifest), None, options)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def gone(self, kind: str, name: str, namespace: str | None = None) -> None:
        """Delete the object and wait until it is really gone."""
        self.delete(kind, name, namespace)
        eventually(
            lambda: self.find(kind, name, namespace),
            lambda seen: seen is None,
            what=f"{kind} {name} is gone",
            budget=Budget(timeout=60, interval=0.1, firm=True),
        )

    def scale(self, name: str, namespace: str, replicas: int) -> None:
        """Set a Deployment's replicas. Does not wait."""
        self.patch("Deployment", name, {"spec": {"replicas": replicas}}, namespace)

    # Beyond objects

    def token(
        self,
        account: str,
        namespace: str,
        *,
        audience: str = "",
        seconds: int = 3600,
        bound_to: tuple[str, str] | None = None,
    ) -> str:
        """Return a token of a ServiceAccount, at most as good as the object it is ``bound_to``.

        That is a kind and a name; without one the token is bound to the account alone.
        """
        spec: Manifest = {"expirationSeconds": seconds}
        if bound_to is not None:
            kind, name = bound_to
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": kind, "name": name}
        if audience:
            spec["audiences"] = [audience]
        path = self._path("ServiceAccount", account, namespace) + "/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return str(self._json("POST", path, None, request)["status"]["token"])

    def logs(self, pod: str, namespace: str, container: str = "", *, tail: int = 0) -> str:
        """Return the log of one container (the last ``tail`` lines, if given)."""
        query = {"container": container, "tailLines": str(tail) if tail else ""}
        path = self._path("Pod", pod, namespace) + "/log"
        return Answer(200, self._send("GET", path, query).data).text

    def through_pod(
        self,
        pod: str,
        namespace: str,
        port: int,
        path: str,
        *,
        method: str = "GET",
        body: Manifest | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        """Speak HTTP to a pod's port through the API server's pod proxy.

        ``headers`` reach the pod, but for Authorization. Any status of the pod itself is an
        answer, not an exception; :class:`ApiError` means that the API server is not there (status
        0), or did not reach the pod (its own status).
        """
        target = f"/api/v1/namespaces/{namespace}/pods/{quote(pod)}:{port}/proxy{path}"
        response = self._exchange(method, target, None, body, read_timeout=timeout, headers=headers)
        if response.status >= 400 and (said := _status(response.data)):
            raise ApiError(f"{method} {target}", int(response.status), said)
        return Answer(int(response.status), response.data)

    def request(self, method: str, path: str, body: Manifest | None = None) -> Answer:
        """Send a request to an arbitrary path of the API server."""
        response = self._send(method, path, None, body)
        return Answer(int(response.status), response.data)

    # Internals

    def _path_of(self, manifest: Manifest, *, collection: bool = False) -> str:
        meta = manifest["metadata"]
        name = None if collection else str(meta["name"])
        return self._path(
            manifest["kind"], name, meta.get("namespace"), version=manifest["apiVersion"]
        )

    def _path(
        self, kind: str, name: str | None, namespace: str | None, *, version: str = ""
    ) -> str:
        resource = self._resource(version or API_VERSIONS[kind], _without_group(kind))
        prefix, plural = resource.path.rsplit("/", 1)
        scope = f"/namespaces/{namespace}" if resource.namespaced and namespace else ""
        tail = f"/{quote(name)}" if name else ""
        return f"{prefix}{scope}/{plural}{tail}"

    def _resource(self, version: str, kind: str) -> _Resource:
        with self._lock:
            known = self._resources.get((version, kind))
        if known is None:
            self._discover(version)
            with self._lock:
                known = self._resources.get((version, kind))
        if known is None:
            raise ApiError(f"{version} {kind}", 404, "the API server does not know this kind")
        return known

    def _discover(self, version: str) -> None:
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        found = self._json("GET", base)
        with self._lock:
            for item in found["resources"]:
                if "/" not in item["name"]:
                    resource = _Resource(f"{base}/{item['name']}", bool(item["namespaced"]))
                    self._resources[version, item["kind"]] = resource

    def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
    ) -> Manifest:
        data = self._send(method, path, query, body, content_type).data
        return cast("Manifest", json.loads(data))

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        read_timeout: float | None = None,
    ) -> Any:
        response = self._exchange(method, path, query, body, content_type, read_timeout)
        if response.status >= 400:
            said = _status(response.data) or redact(response.data.decode(errors="replace"))
            raise ApiError(f"{method} {path}", int(response.status), said)
        return response

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Manifest | None = None,
        content_type: str = "application/json",
        read_timeout: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Return whatever comes back, with whatever status."""
        asked = {key: value for key, value in (query or {}).items() if value}
        # The client serialises by content type; encoded here, every type is sent as it is.
        payload = json.dumps(body).encode() if body is not None else None
        try:
            return self._client.rest_client.pool_manager.request(
                method,
                self._client.configuration.host + path + (f"?{urlencode(asked)}" if asked else ""),
                body=payload,
                headers={**(headers or {}), **self._headers(content_type)},
                timeout=urllib3.Timeout(connect=5.0, read=read_timeout or self._timeout),
                preload_content="watch" not in asked,
                retries=False,
            )
        except urllib3.exceptions.ProtocolError as error:
            raise InterruptedAnswerError(f"{method} {path}", 0, redact(str(error))) from error
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(f"{method} {path}", 0, redact(str(error))) from error

    def _headers(self, content_type: str) -> dict[str, str]:
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        # Under which key a token is kept differs between releases of the client; this does not.
        if bearer := self._client.configuration.auth_settings().get("BearerToken"):
            headers["Authorization"] = bearer["value"]
        return headers


def _without_group(kind: str) -> str:
    return kind.partition(".")[0]


def _status(body: bytes) -> str:
    """Return what the API server itself says; nothing, if somebody else wrote this body."""
    try:
        status = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(status, dict) or status.get("kind") != "Status":
        return ""
    return redact(str(status.get("message") or status))


def _behind(status: Manifest) -> float | None:
    """Return when to ask a server again that is behind its own store; ``None`` if it is not.

    A busy API server refuses a watch from a version that its cache has not reached yet (reason
    ``ResourceVersionTooLarge``, k8s.io/apimachinery ``pkg/apis/meta/v1/types.go``).
    """
    details = status.get("details") or {}
    reasons = {cause.get("reason") for cause in details.get("causes") or []}
    if "ResourceVersionTooLarge" not in reasons:
        return None
    return float(details.get("retryAfterSeconds", 1))


def _events(response: Any, path: str) -> Iterator[Event]:
    rest = b""
    try:
        for chunk in response.stream(amt=None, decode_content=True):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in filter(None, lines):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    if (seconds := _behind(status)) is not None:
                        pause(seconds, why="the server asks to come back then")
                        return
                    raise ApiError(
                        f"watch {path}", int(status.get("code", 500)), redact(str(status))
                    )
                yield Event(event["type"], event["object"])
    except urllib3.exceptions.HTTPError as error:
        raise ApiError(f"watch {path}", 0, redact(str(error))) from error
