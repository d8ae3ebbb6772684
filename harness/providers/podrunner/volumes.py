"""What is in a pod's volumes: files by path, computed from the cluster's objects. No I/O."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from harness.kube import Manifest
from harness.providers.podrunner.downward_api import Facts, field, resource
from harness.providers.podrunner.object_cache import ObjectCache, Token, Unavailable

#: Kinds whose contents come from elsewhere; they are mounted read-only.
FILLED = ("configMap", "secret", "downwardAPI", "projected")


class Refused(Exception):  # noqa: N818 - not an error of ours: the pod asks for too much
    """A pod asks for something that the embedded node does not have."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a volume."""

    data: bytes
    mode: int


#: A volume's files by relative path.
Payload = Mapping[str, File]
Tokens = Callable[[str, int], Token]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """What volumes are filled from. ``tokens`` gives a good token for an audience.

    ``private`` tells that tokens need not be readable by everybody, because the pod says
    which user or group reads them.
    """

    facts: Facts
    objects: ObjectCache
    tokens: Tokens
    private: bool = False

    @property
    def namespace(self) -> str:
        """The pod's namespace."""
        return str(self.facts.pod["metadata"]["namespace"])


def kind(volume: Manifest) -> str:
    """Return what kind of volume it is; :class:`Refused` if the node has no such thing."""
    found = next((key for key in volume if key != "name"), "emptyDir")
    if found not in (*FILLED, "emptyDir"):
        raise Refused(f"{found} volumes are not supported by the embedded node")
    return found


def payload(volume: Manifest, filling: Filling) -> Payload:
    """Return what belongs into a filled volume; :class:`Unavailable` if a source is missing."""
    what = kind(volume)
    part = volume[what]
    default = int(part.get("defaultMode") or 0o644)
    if what != "projected":
        return dict(_source(what, part, default, filling))
    files: dict[str, File] = {}
    for source in part.get("sources") or []:
        for key, inner in source.items():
            files.update(_source(key, inner, default, filling))
    return files


def _source(
    what: str, part: Manifest, default: int, filling: Filling
) -> Iterable[tuple[str, File]]:
    if what == "downwardAPI":
        return _downward(part, default, filling.facts)
    if what == "serviceAccountToken":
        return _token(part, default, filling)
    if what in ("configMap", "secret"):
        return _object(what, part, default, filling)
    raise Refused(f"{what} in a projected volume is not supported by the embedded node")


def _token(part: Manifest, default: int, filling: Filling) -> Iterator[tuple[str, File]]:
    token = filling.tokens(part.get("audience") or "", int(part.get("expirationSeconds") or 3600))
    yield part["path"], File(token.value.encode(), 0o600 if filling.private else default)


def _downward(part: Manifest, default: int, facts: Facts) -> Iterator[tuple[str, File]]:
    for item in part.get("items") or []:
        mode = int(item.get("mode") or default)
        if "fieldRef" in item:
            yield item["path"], File(field(facts, item["fieldRef"]["fieldPath"]).encode(), mode)
        else:
            reference = item["resourceFieldRef"]
            text = resource(facts, reference, _container(facts, reference))
            yield item["path"], File(text.encode(), mode)


def _container(facts: Facts, reference: Manifest) -> Manifest:
    spec = facts.pod["spec"]
    every: list[Manifest] = [*spec["containers"], *(spec.get("initContainers") or [])]
    return next(item for item in every if item["name"] == reference.get("containerName"))


def _object(
    what: str, part: Manifest, default: int, filling: Filling
) -> Iterator[tuple[str, File]]:
    name = part.get("secretName") or part.get("name") or ""
    proper = {"configMap": "ConfigMap", "secret": "Secret"}[what]
    found = filling.objects.find(proper, name, filling.namespace)
    if found is None:
        if part.get("optional"):
            return
        raise Unavailable(f"{proper.lower()} {name!r} not found")
    held = _bytes(proper, found)
    if not part.get("items"):
        yield from ((key, File(data, default)) for key, data in held.items())
    for item in part.get("items") or []:
        if item["key"] in held:
            yield item["path"], File(held[item["key"]], int(item.get("mode") or default))
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
    """Yield kind and name of every object that a volume shows."""
    parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    for part in parts:
        if config_map := part.get("configMap"):
            yield "ConfigMap", config_map.get("name") or ""
        if secret := part.get("secret"):
            yield "Secret", secret.get("secretName") or secret.get("name") or ""


def shows_the_pod(volume: Manifest) -> bool:
    """Say whether a volume shows fields of the pod itself (labels, annotations)."""
    parts = [volume, *((volume.get("projected") or {}).get("sources") or [])]
    return any("downwardAPI" in part for part in parts)


def has_tokens(volume: Manifest) -> bool:
    """Say whether a volume holds tokens, which have to be replaced in time."""
    parts = (volume.get("projected") or {}).get("sources") or []
    return any("serviceAccountToken" in part for part in parts)
