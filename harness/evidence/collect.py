"""What explains a failed check, taken at the moment of failure from every cluster.

Per cluster: objects of the namespaces that matter, events, logs of control plane, gateways
and agents, what each sidecar's Envoy believes, what istiod believes. Secrets are reduced to
the names of their keys and keyed digests of their values before anything is written.
"""

import hmac
import json
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from harness import files
from harness.converge import concurrently
from harness.evidence.folder import Folder
from harness.kube import API_VERSIONS, Answer, Kube, Manifest
from harness.meshes.base import METRICS_PORT, STATS_PORT, UPSTREAM_SHAPE, MeshShape
from harness.model import ApiError, HarnessError, Lab
from harness.model.structure import control_planes
from harness.probes.caller import AGENT_LABEL
from harness.probes.istiod import Istiod, istiods
from harness.probes.transport import CONTROL_PORT, PodTransport
from harness.providers.base import HasEvidence, Provider

INDEX_FILE = "index.md"

#: Kinds that are never worth their bytes: they follow from others, or change with every look.
_DULL = frozenset({"CustomResourceDefinition", "Endpoints", "Event", "Lease", "ReplicaSet"})
_CLUSTER_WIDE = frozenset(
    {"MutatingWebhookConfiguration", "Namespace", "Node", "ValidatingWebhookConfiguration"}
)
_RBAC = frozenset({"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"})
_ENVOY_PAGES = {
    "clusters.txt": "/clusters",
    "config.json": "/config_dump?include_eds",
    "stats.txt": "/stats?usedonly",
    "certs.json": "/certs",
}
_LEFT_OUT = ("BootstrapConfigDump", "SecretsConfigDump")
_ISTIOD_PAGES = ("syncz", "clusterz", "endpointShardz", "mesh")
_TAIL_LINES = 2000


@dataclass(frozen=True, slots=True)
class _Place:
    """A cluster as probes see it."""

    name: str
    kube: Kube
    shape: MeshShape
    vouching: Kube

    @property
    def config(self) -> "_Place":
        """The cluster that vouches for who asks its istiods."""
        return _Place(self.name, self.vouching, self.shape, self.vouching)

    def pods(self, namespace: str, app: str) -> list[Manifest]:
        """Return the pods labelled ``app``, ready or not."""
        return self.kube.list("Pod", namespace, labels=f"app={app}")


def collect(
    lab: Lab,
    shapes: Mapping[str, MeshShape],
    provider: Provider,
    kubes: Mapping[str, Kube],
    folder: Folder,
    *,
    secret: bytes,
) -> Path:
    """Write evidence of every cluster and of the provider into ``folder``, within its bounds.

    Returns ``index.md``, which says what is where and what could not be collected; no step
    that fails raises. ``kubes`` and ``shapes`` (of the mesh) are by cluster name. ``secret`` keys
    the digests of what is hidden: equal values can be told from different ones within a run, and
    none be guessed.
    """

    def one(job: Callable[[], None]) -> None:
        job()

    configs = {plane.cluster: plane.config_cluster for plane in control_planes(lab.topology)}

    def place(name: str) -> _Place | None:
        shape = shapes.get(name)
        vouching = kubes[configs.get(name, name)]
        return _Place(name, kubes[name], shape, vouching) if shape else None

    jobs: list[Callable[[], None]] = [
        *(
            partial(_cluster, folder, name, kube, place(name), secret)
            for name, kube in kubes.items()
        ),
        lambda: _provider(folder, provider, lab),
    ]
    concurrently(one, jobs)
    return folder.index(f"Evidence from lab {lab.id} ({lab.topology.name} on {lab.provider})")


def _cluster(folder: Folder, name: str, kube: Kube, place: _Place | None, secret: bytes) -> None:
    shape = place.shape if place else None
    try:
        pods = kube.list("Pod")
    except ApiError as error:
        folder.note(name, "everything of this cluster", str(error))
        return
    own = {shape.system, shape.root, shape.gateway_namespace} if shape else set()
    spaces = {_namespace(pod) for pod in pods if _is_agent(pod)} | own
    ours = [pod for pod in pods if _namespace(pod) in spaces]
    folder.add(f"{name}/events.txt", "events, oldest first", lambda: _events(kube, spaces))
    for pod in ours:
        _logs(folder, name, kube, pod)
        if _is_agent(pod):
            _envoy(folder, name, kube, pod, shape or UPSTREAM_SHAPE)
        elif shape is not None:
            _control(folder, name, kube, pod, shape)
    if place is not None:
        _istiods(folder, place)
    for kind in sorted(API_VERSIONS):
        if kind not in _DULL | _RBAC:
            _objects(folder, name, kube, kind, spaces, secret)


def _objects(
    folder: Folder, name: str, kube: Kube, kind: str, spaces: set[str], secret: bytes
) -> None:
    try:
        listed = kube.list(kind)
    except ApiError as error:
        if error.status != 404:
            folder.note(f"{name}/objects/{kind}.yaml", f"every {kind}", str(error))
        return
    wanted = [each for each in listed if kind in _CLUSTER_WIDE or _namespace(each) in spaces]
    if wanted:
        text = [_presentable(each, secret) for each in wanted]
        folder.add(
            f"{name}/objects/{kind}.yaml", f"{len(wanted)} {kind}", lambda: files.dump(*text)
        )


def _events(kube: Kube, spaces: set[str]) -> str:
    events = [event for event in kube.list("Event") if _namespace(event) in spaces]
    lines = sorted(_event_line(event) for event in events)
    return "".join(f"{line}\n" for line in lines)


def _event_line(event: Manifest) -> str:
    about = event.get("involvedObject", {})
    when = event.get("lastTimestamp") or event.get("eventTime") or ""
    subject = f"{about.get('kind')} {about.get('namespace', '')}/{about.get('name')}"
    said = str(event.get("message", "")).replace("\n", " ")
    count = f" (x{event['count']})" if (event.get("count") or 1) > 1 else ""
    return f"{when} {event.get('type')} {event.get('reason')} {subject}: {said}{count}"


def _logs(folder: Folder, name: str, kube: Kube, pod: Manifest) -> None:
    pod_name, namespace = str(pod["metadata"]["name"]), _namespace(pod)
    for container in _containers(pod):

        def read(container: str = container) -> str:
            return kube.logs(pod_name, namespace, container, tail=_TAIL_LINES)

        path = f"{name}/logs/{namespace}.{pod_name}.{container}.log"
        folder.add(path, f"last {_TAIL_LINES} lines", read, keep="tail")


def _envoy(folder: Folder, name: str, kube: Kube, pod: Manifest, shape: MeshShape) -> None:
    if shape.proxy not in _containers(pod):
        return
    for file, page in _ENVOY_PAGES.items():
        path = f"/admin?path={quote(page, safe='')}"
        trim = _trimmed if file == "config.json" else str
        _page(folder, f"{name}/envoy", file, kube, pod, CONTROL_PORT, path, trim)


def _control(folder: Folder, name: str, kube: Kube, pod: Manifest, shape: MeshShape) -> None:
    labels = pod["metadata"].get("labels") or {}
    if _selected(shape.istiod_pods, labels):
        _page(
            folder, f"{name}/istiod", "metrics.txt", kube, pod, METRICS_PORT, "/metrics", _counted
        )
    if _selected(shape.gateway_pods, labels):
        path = "/stats/prometheus"
        _page(folder, f"{name}/gateway", "stats.txt", kube, pod, STATS_PORT, path, _counted)


def _selected(selector: str, labels: Mapping[str, str]) -> bool:
    return {*selector.split(",")} <= {f"{key}={value}" for key, value in labels.items()}


def _istiods(folder: Folder, place: _Place) -> None:
    name = place.name
    try:
        found = istiods(place)
    except HarnessError as error:
        folder.note(f"{name}/istiod", "istiod's debug pages", str(error))
        return
    for istiod in found:
        for page in _ISTIOD_PAGES:
            path = f"{name}/istiod/{istiod.namespace}.{istiod.pod}.{page}.json"
            folder.add(path, f"/debug/{page}", partial(_debug, istiod, page))


def _debug(istiod: Istiod, page: str) -> str:
    return json.dumps(istiod.debug(page), indent=1)


def _page(
    folder: Folder,
    place: str,
    file: str,
    kube: Kube,
    pod: Manifest,
    port: int,
    path: str,
    trim: Callable[[str], str] = str,
) -> None:
    pod_name, namespace = str(pod["metadata"]["name"]), _namespace(pod)

    def read() -> str:
        answer = _asked(kube, pod_name, namespace, port, path)
        if answer.status != 200:
            raise ApiError(path, answer.status, answer.text[:500])
        return trim(answer.text)

    folder.add(f"{place}/{namespace}.{pod_name}.{file}", f"{unquote(path)} on port {port}", read)


def _asked(kube: Kube, pod: str, namespace: str, port: int, path: str) -> Answer:
    if port == CONTROL_PORT:
        return PodTransport(kube, namespace, pod).ask("GET", path)
    return kube.through_pod(pod, namespace, port, path)


def _provider(folder: Folder, provider: Provider, lab: Lab) -> None:
    if not isinstance(provider, HasEvidence):
        return
    try:
        found = provider.evidence(lab)
    except Exception as error:  # noqa: BLE001 - a vendor's provider may raise anything
        folder.note("provider", "logs of the provider", f"{type(error).__name__}: {error}")
        return
    for name, text in sorted(found.items()):
        safe = name.replace("..", "_").lstrip("/")
        folder.add(f"provider/{safe}", "from the provider", partial(str, text), keep="tail")


def _namespace(manifest: Manifest) -> str:
    return str(manifest["metadata"].get("namespace", ""))


def _containers(pod: Manifest) -> list[str]:
    spec = pod["spec"]
    return [str(each["name"]) for each in [*spec.get("initContainers", []), *spec["containers"]]]


def _is_agent(pod: Manifest) -> bool:
    return (pod["metadata"].get("labels") or {}).get(AGENT_LABEL) == "true"


def _presentable(manifest: Manifest, secret: bytes) -> Manifest:
    """Drop what only servers read, and reduce a Secret to what may be shown."""
    meta = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    shown = {**manifest, "metadata": meta}
    if manifest["kind"] == "Secret":
        meta.pop("annotations", None)
        shown["data"] = dict(_hidden(manifest.get("data") or {}, secret))
        shown.pop("stringData", None)
    return shown


def _hidden(data: Mapping[str, str], secret: bytes) -> Iterator[tuple[str, str]]:
    for key, encoded in data.items():
        value = b64decode(encoded)
        digest = hmac.digest(secret, value, "sha256").hex()
        yield key, f"hmac-sha256:{digest}" if value else "empty"


def _trimmed(text: str) -> str:
    """Return Envoy's configuration as istiod sent it: no secrets, bootstrap or time stamps."""
    dump = json.loads(text)
    dump["configs"] = [
        _without(config, {"last_updated", "version_info"})
        for config in dump.get("configs", [])
        if not str(config.get("@type", "")).endswith(_LEFT_OUT)
    ]
    return json.dumps(dump, indent=1)


def _counted(text: str) -> str:
    """Return the lines of a metrics page that count anything."""
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return "".join(f"{line}\n" for line in lines if not line.endswith(" 0"))


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(each, keys) for key, each in value.items() if key not in keys}
    if isinstance(value, list):
        return [_without(each, keys) for each in value]
    return value
