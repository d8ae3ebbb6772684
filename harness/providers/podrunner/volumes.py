"""The payload of a pod's volumes: files by path, computed from the API's objects. No file I/O."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.kube import Manifest
from harness.providers.podrunner.downward_api import PodInfo, field, resource
from harness.providers.podrunner.object_cache import ObjectCache, Token, Unavailable

#: Kinds whose contents come from the API; they are mounted read-only.
API_VOLUMES = ("configMap", "secret", "downwardAPI", "projected")


@dataclass(frozen=True, slots=True)
class FileProjection:
    """One file of a volume."""

    data: bytes
    mode: int


#: A volume's files by relative path.
Payload = Mapping[str, FileProjection]
Tokens = Callable[[str, int], Token]


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSources:
    """What volumes take their contents from. ``tokens`` gives a good token for an audience.

    ``private`` tells that tokens need not be readable by everybody, because the pod says
    which user or group reads them.
    """

    pod_info: PodInfo
    objects: ObjectCache
    tokens: Tokens
    private: bool = False

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.pod_info.pod["metadata"]["namespace"])


def volume_kind(volume: Manifest) -> str:
    """Return what kind of volume it is, by the name of its field."""
    return next((key for key in volume if key != "name"), "emptyDir")


def payload(volume: Manifest, sources: VolumeSources) -> Payload:
    """Return the files of an API volume; :class:`Unavailable` if a source is missing."""
    what = volume_kind(volume)
    part = volume[what]
    default = int(part.get("defaultMode") or 0o644)
    if what != "projected":
        return dict(_source(what, part, default, sources))
    files: dict[str, FileProjection] = {}
    for source in part.get("sources") or []:
        for key, inner in source.items():
            files.update(_source(key, inner, default, sources))
    return files


def _source(
    what: str, part: Manifest, default: int, sources: VolumeSources
) -> Iterable[tuple[str, FileProjection]]:
    if what == "downwardAPI":
        return _downward(part, default, sources.pod_info)
    if what == "serviceAccountToken":
        return _token(part, default, sources)
    return _object(what, part, default, sources)


def _token(
    part: Manifest, default: int, sources: VolumeSources
) -> Iterator[tuple[str, FileProjection]]:
    token = sources.tokens(part.get("audience") or "", int(part.get("expirationSeconds") or 3600))
    yield part["path"], FileProjection(token.value.encode(), 0o600 if sources.private else default)


def _downward(
    part: Manifest, default: int, pod_info: PodInfo
) -> Iterator[tuple[str, FileProjection]]:
    for item in part.get("items") or []:
        mode = int(item.get("mode") or default)
        if "fieldRef" in item:
            yield (
                item["path"],
                FileProjection(field(pod_info, item["fieldRef"]["fieldPath"]).encode(), mode),
            )
        else:
            reference = item["resourceFieldRef"]
            text = resource(pod_info, reference, _container(pod_info, reference))
            yield item["path"], FileProjection(text.encode(), mode)


def _container(pod_info: PodInfo, reference: Manifest) -> Manifest:
    spec = pod_info.pod["spec"]
    every: list[Manifest] = [*spec["containers"], *(spec.get("initContainers") or [])]
    return {item["name"]: item for item in every}[reference.get("containerName")]


def _object(
    what: str, part: Manifest, default: int, sources: VolumeSources
) -> Iterator[tuple[str, FileProjection]]:
    name = part.get("secretName") or part.get("name") or ""
    proper = {"configMap": "ConfigMap", "secret": "Secret"}[what]
    found = sources.objects.find(proper, name, sources.namespace)
    if found is None:
        if part.get("optional"):
            return
        raise Unavailable(f"{proper.lower()} {name!r} not found")
    held = _bytes(proper, found)
    if not part.get("items"):
        yield from ((key, FileProjection(data, default)) for key, data in held.items())
    for item in part.get("items") or []:
        if item["key"] in held:
            yield item["path"], FileProjection(held[item["key"]], int(item.get("mode") or default))
        elif not part.get("optional"):
            raise Unavailable(f"{proper.lower()} {name!r} has no key {item['key']!r}")


def _bytes(proper: str, manifest: Manifest) -> dict[str, bytes]:
    data: Mapping[str, str] = manifest.get("data") or {}
    if proper == "Secret":
        return {key: base64.b64decode(value) for key, value in data.items()}
    binary: Mapping[str, str] = manifest.get("binaryData") or {}
    texts = {key: value.encode() for key, value in data.items()}
    return texts | {key: base64.b64decode(value) for key, value in binary.items()}


def references(volume: Manifest) -> Iterator[tuple[str, str]]:
    """Yield kind and name of every ConfigMap and Secret that a volume shows."""
    parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for part in parts:
        if config_map := part.get("configMap"):
            yield "ConfigMap", config_map.get("name") or ""
        if secret := part.get("secret"):
            yield "Secret", secret.get("secretName") or secret.get("name") or ""


def has_downward_api(volume: Manifest) -> bool:
    """Say whether a volume shows fields of the pod itself (labels, annotations)."""
    parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    return any("downwardAPI" in part for part in parts)


def has_tokens(volume: Manifest) -> bool:
    """Say whether a volume holds tokens, which have to be replaced in time."""
    parts = (volume.get("projected") or {}).get("sources") or []
    return any("serviceAccountToken" in part for part in parts)
