"""A container's variables, of image, Services, ``envFrom`` and ``env``; ``$(NAME)`` expansion."""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence

from harness.kube import Manifest
from harness.providers.podrunner.downward_api import PodInfo, field, resource
from harness.providers.podrunner.object_cache import ObjectCache, Unavailable

_REFERENCE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")
#: What a process finds before the pod has said anything.
BASE: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/",
}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` where NAME is known; ``$$(NAME)`` stands for ``$(NAME)`` itself."""
    return _REFERENCE.sub(
        lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]), text
    )


def environment(
    container: Manifest, pod_info: PodInfo, objects: ObjectCache, inherited: Mapping[str, str]
) -> dict[str, str]:
    """Return the container's variables; ``inherited`` comes from image and Services.

    Raises :class:`Unavailable` where a variable's source is not there and not optional.
    """
    namespace = pod_info.pod["metadata"]["namespace"]
    variables = {**inherited}
    for source in container.get("envFrom") or []:
        variables.update(_all_of(source, namespace, objects))
    for entry in container.get("env") or []:
        value = _value(entry, container, pod_info, objects, variables)
        if value is not None:
            variables[entry["name"]] = value
    return variables


def _all_of(source: Manifest, namespace: str, objects: ObjectCache) -> dict[str, str]:
    kind, reference = _named(source, "configMapRef", "secretRef")
    held = _contents(kind, reference, namespace, objects) or {}
    return {f"{source.get('prefix') or ''}{key}": value for key, value in held.items()}


def _value(
    entry: Manifest,
    container: Manifest,
    pod_info: PodInfo,
    objects: ObjectCache,
    variables: Mapping[str, str],
) -> str | None:
    origin = entry.get("valueFrom")
    if not origin:
        return expand(str(entry.get("value") or ""), variables)
    if "fieldRef" in origin:
        return field(pod_info, origin["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in origin:
        return resource(pod_info, origin["resourceFieldRef"], container)
    kind, reference = _named(origin, "configMapKeyRef", "secretKeyRef")
    held = _contents(kind, reference, pod_info.pod["metadata"]["namespace"], objects)
    if held is not None and reference["key"] in held:
        return held[reference["key"]]
    if reference.get("optional"):
        return None
    raise Unavailable(f"couldn't find key {reference['key']} in {kind} {reference['name']}")


def _named(origin: Manifest, config_map: str, secret: str) -> tuple[str, Manifest]:
    if config_map in origin:
        return "ConfigMap", origin[config_map]
    return "Secret", origin[secret]


def _contents(
    kind: str, reference: Manifest, namespace: str, objects: ObjectCache
) -> dict[str, str] | None:
    found = objects.find(kind, reference["name"], namespace)
    if found is None:
        if reference.get("optional"):
            return None
        raise Unavailable(f"{kind.lower()} {reference['name']!r} not found")
    held: dict[str, str] = found.get("data") or {}
    if kind == "ConfigMap":
        return held
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in held.items()}


def api_server_variables(address: str) -> dict[str, str]:
    """Return the variables by which every pod finds the API server."""
    port = {"name": "https", "port": 443, "protocol": "TCP"}
    return dict(_service_links("kubernetes", address, [port]))


def service_variables(services: Sequence[Manifest]) -> dict[str, str]:
    """Return the variables that name the Services of the pod's own namespace."""
    found: dict[str, str] = {}
    for service in services:
        address = service["spec"].get("clusterIP")
        if address and address != "None":
            ports = service["spec"].get("ports") or []
            found.update(_service_links(service["metadata"]["name"], address, ports))
    return found


def _service_links(name: str, address: str, ports: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    prefix = _variable_name(name)
    if not ports:
        return
    yield f"{prefix}_SERVICE_HOST", address
    yield f"{prefix}_SERVICE_PORT", str(ports[0]["port"])
    for port in ports:
        if port.get("name"):
            yield f"{prefix}_SERVICE_PORT_{_variable_name(port['name'])}", str(port["port"])
    first = ports[0]
    yield f"{prefix}_PORT", f"{_protocol(first)}://{address}:{first['port']}"
    for port in ports:
        protocol = _protocol(port)
        one = f"{prefix}_PORT_{port['port']}_{protocol.upper()}"
        yield one, f"{protocol}://{address}:{port['port']}"
        yield f"{one}_PROTO", protocol
        yield f"{one}_PORT", str(port["port"])
        yield f"{one}_ADDR", address


def _variable_name(name: str) -> str:
    return name.upper().replace("-", "_")


def _protocol(port: Manifest) -> str:
    return str(port.get("protocol") or "TCP").lower()
