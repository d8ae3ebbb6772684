"""Manifests of Istio's policies and rules, as checks and sabotages apply them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from harness.kube import Manifest
from harness.workloads.site import Site, configuring

_SECURITY = "security.istio.io/v1"
_NETWORKING = "networking.istio.io/v1"


def authorization(
    name: str, namespace: str, *, app: str = "", sources: Sequence[Mapping[str, Any]] | None = None
) -> Manifest:
    """Return an ALLOW AuthorizationPolicy for pods labelled ``app`` (all pods if empty).

    ``sources`` are the entries of ``from[].source``; an empty mapping admits everyone, and
    ``None`` leaves out the rules altogether, which admits nobody.
    """
    spec: Manifest = {"action": "ALLOW"} if sources is not None else {}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if sources is not None:
        spec["rules"] = [{"from": [{"source": dict(s)}]} if s else {} for s in sources]
    return _object(_SECURITY, "AuthorizationPolicy", name, namespace, spec)


def denial(
    name: str, namespace: str, *, app: str, path: str, port: int, sources: Sequence[Manifest]
) -> Manifest:
    """Return an AuthorizationPolicy that denies ``path`` at ``port`` of pods labelled ``app``.

    The port is part of it because a rule about paths, read for a port of another protocol, would
    deny all of that port.
    """
    operation = {"paths": [path], "ports": [str(port)]}
    rule = {"from": [{"source": each} for each in sources], "to": [{"operation": operation}]}
    selector = {"matchLabels": {"app": app}}
    spec = {"action": "DENY", "selector": selector, "rules": [rule]}
    return _object(_SECURITY, "AuthorizationPolicy", name, namespace, spec)


def peer_authentication(
    name: str, namespace: str, mode: str, *, app: str = "", ports: Mapping[int, str] | None = None
) -> Manifest:
    """Return a PeerAuthentication of one namespace, or of its pods labelled ``app``.

    ``ports`` are modes of the pods' ports that differ from ``mode``.
    """
    spec: Manifest = {"mtls": {"mode": mode}}
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    if ports:
        spec["portLevelMtls"] = {str(port): {"mode": each} for port, each in ports.items()}
    return _object(_SECURITY, "PeerAuthentication", name, namespace, spec)


def mesh_wide(site: Site, name: str, mode: str) -> Manifest:
    """Return a PeerAuthentication of the whole mesh that ``site`` is part of."""
    return peer_authentication(name, site.shape.root, mode)


def destination_rule(
    name: str,
    namespace: str,
    *,
    host: str,
    policy: Mapping[str, Any] | None = None,
    subsets: Sequence[Mapping[str, Any]] = (),
) -> Manifest:
    """Return a DestinationRule for ``host`` (a fully qualified name)."""
    spec: Manifest = {"host": host}
    if policy:
        spec["trafficPolicy"] = dict(policy)
    if subsets:
        spec["subsets"] = [dict(subset) for subset in subsets]
    return _object(_NETWORKING, "DestinationRule", name, namespace, spec)


def service_entry(
    name: str,
    namespace: str,
    *,
    host: str,
    ports: Mapping[int, int],
    labels: Mapping[str, str],
    address: str = "",
) -> Manifest:
    """Return a ServiceEntry over workloads with ``labels``, for HTTP: ports and targets of them.

    It is part of the mesh, and static. ``address`` is a virtual one.
    """
    spec: Manifest = {
        "hosts": [host],
        "location": "MESH_INTERNAL",
        "resolution": "STATIC",
        "ports": [
            {"number": number, "name": f"http-{number}", "protocol": "HTTP", "targetPort": target}
            for number, target in ports.items()
        ],
        "workloadSelector": {"labels": dict(labels)},
    }
    if address:
        spec["addresses"] = [address]
    return _object(_NETWORKING, "ServiceEntry", name, namespace, spec)


def foreign_host(host: str, namespace: str, *, address: str, port: int) -> Manifest:
    """Return a ServiceEntry over a server that is not in the mesh, for HTTP at ``port``."""
    spec = {
        "hosts": [host],
        "location": "MESH_EXTERNAL",
        "resolution": "STATIC",
        "ports": [{"number": port, "name": "http", "protocol": "HTTP"}],
        "endpoints": [{"address": address}],
    }
    return _object(_NETWORKING, "ServiceEntry", host.replace(".", "-"), namespace, spec)


def registry_only(namespace: str) -> Manifest:
    """Return a Sidecar by which callers in a namespace reach only what the mesh knows."""
    spec = {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}
    return _object(_NETWORKING, "Sidecar", "registry-only", namespace, spec)


def virtual_service(
    name: str,
    namespace: str,
    *,
    hosts: Sequence[str],
    http: Sequence[Mapping[str, Any]],
    gateways: Sequence[str] = (),
) -> Manifest:
    """Return a VirtualService with HTTP routes, for sidecars unless ``gateways`` are named."""
    spec: Manifest = {"hosts": list(hosts), "http": [dict(route) for route in http]}
    if gateways:
        spec["gateways"] = list(gateways)
    return _object(_NETWORKING, "VirtualService", name, namespace, spec)


def word_of(site: Site) -> str:
    """Return a word that a cluster's rules for marked requests have, and no other cluster's."""
    return f"of-{site.name}"


def aborting(name: str, namespace: str, *, host: str, word: str) -> Manifest:
    """Return a VirtualService by which the proxy answers 418 to requests with ``x-probe: WORD``.

    Other requests pass, so it disturbs no neighbour that has another word.
    """
    fault = {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}
    route = [{"destination": {"host": host}}]
    marked = {"match": [{"headers": {"x-probe": {"exact": word}}}], "fault": fault}
    return virtual_service(
        name, namespace, hosts=[host], http=[{**marked, "route": route}, {"route": route}]
    )


def gateway(
    name: str, namespace: str, *, labels: Mapping[str, str], servers: Sequence[Mapping[str, Any]]
) -> Manifest:
    """Return a Gateway for the pods with ``labels``."""
    spec = {"selector": dict(labels), "servers": [dict(server) for server in servers]}
    return _object(_NETWORKING, "Gateway", name, namespace, spec)


def server(
    number: int, protocol: str, mode: str, *, hosts: Sequence[str], credential: str = ""
) -> Manifest:
    """Return one server of a Gateway; its port is called after protocol and number."""
    tls = {"mode": mode, **({"credentialName": credential} if credential else {})}
    name = f"{protocol.lower()}-{number}"
    port = {"number": number, "name": name, "protocol": protocol}
    return {"port": port, "tls": tls, "hosts": list(hosts)}


@contextmanager
def everywhere(sites: Sequence[Site], *manifests: Manifest) -> Iterator[None]:
    """Apply manifests in every cluster; Istio's own where control planes read configuration."""
    own = [each for each in manifests if _is_istio(each)]
    others = [each for each in manifests if not _is_istio(each)]
    with ExitStack() as undo:
        for site in sites if others else ():
            undo.enter_context(site.applied(*others))
        for site in configuring(sites) if own else ():
            undo.enter_context(site.applied(*own))
        yield


def _is_istio(manifest: Manifest) -> bool:
    return str(manifest["apiVersion"]).partition("/")[0].endswith(".istio.io")


def _object(version: str, kind: str, name: str, namespace: str, spec: Manifest) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
