"""Change what an east-west gateway serves, and how."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from harness.kube import Manifest
from harness.meshes.base import ISTIOD_GATEWAY, ISTIOD_ROUTE, NETWORK_LABEL
from harness.meshes.exposing import istiod_gateway, istiod_listeners, istiod_route, istiod_routes
from harness.workloads.naming import service_name
from harness.workloads.rules import gateway, virtual_service
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT

#: A host that no Service has (RFC 2606).
_NOBODY = "nobody.invalid"
#: Annotation of a gateway of the Gateway API: the type of the Service that it gets.
_SERVICE_TYPE = "networking.istio.io/service-type"


def unexposed(site: Site) -> AbstractContextManager[None]:
    """Run the body while nothing of a cluster is exposed to other networks.

    An object of the Gateway API is the gateway itself: it stays, and exposes what nobody has.
    """
    if site.shape.gateway_api:
        return exposing(site, hosts=[_NOBODY])
    return site.config.deleted("Gateway", site.shape.exposure, site.shape.gateway_namespace)


def exposing(site: Site, *, hosts: list[str]) -> AbstractContextManager[None]:
    """Run the body while a cluster exposes these ``hosts`` and no others."""
    shape = site.shape
    where = (shape.exposure_kind, shape.exposure)
    now = site.config.kube.get(*where, shape.gateway_namespace)["spec"]
    spec = _listening(now, hosts) if shape.gateway_api else _serving(now, hosts)
    return site.config.patched(*where, {"spec": spec}, shape.gateway_namespace)


@contextmanager
def istiod_exposed(site: Site) -> Iterator[None]:
    """Run the body while a cluster's east-west gateway leads to its control plane as well."""
    shape = site.shape
    host = service_name(shape.istiod, shape.system)
    if not shape.gateway_api:
        opened = istiod_gateway(ISTIOD_GATEWAY, shape.system, shape.gateway_labels)
        route = istiod_route(ISTIOD_ROUTE, shape.system, gateway=ISTIOD_GATEWAY, host=host)
        with site.config.applied(opened, route):
            yield
        return
    where, space = (shape.exposure_kind, shape.exposure), shape.gateway_namespace
    now = site.config.kube.get(*where, space)["spec"]["listeners"]
    patch = {"spec": {"listeners": [*now, *istiod_listeners()]}}
    asked = [f"{shape.istiod}.{shape.system}.svc", host]
    routes = istiod_routes(shape.exposure, space, shape.istiod, asked)
    with site.config.patched(*where, patch, space), site.config.applied(*routes):
        yield


@contextmanager
def terminating(site: Site, server: Manifest) -> Iterator[None]:
    """Replace the exposure by one server that ends TLS and forwards everything to ``echo``."""
    shape, name = site.shape, "terminating"
    space = shape.gateway_namespace
    instead = gateway(name, space, labels=shape.gateway_labels, servers=[server])
    there = {"host": ECHO.fqdn, "port": {"number": HTTP_PORT}}
    http = [{"route": [{"destination": there}]}]
    route = virtual_service(name, space, hosts=["*"], gateways=[name], http=http)
    with unexposed(site), site.config.applied(instead, route):
        yield


def unlabelled(site: Site) -> AbstractContextManager[None]:
    """Run the body while a cluster's east-west gateway says of no network that it leads into it."""
    return _other_service(site, {"metadata": {"labels": {NETWORK_LABEL: None}}})


def unaddressed(site: Site) -> AbstractContextManager[None]:
    """Run the body while no other network is given an address of a cluster's east-west gateway."""
    if site.shape.gateway_api:
        return _other_service(site, {"metadata": {"annotations": {_SERVICE_TYPE: "ClusterIP"}}})
    return _other_service(site, {"spec": {"type": "ClusterIP"}})


def _other_service(site: Site, patch: Manifest) -> AbstractContextManager[None]:
    """Patch the Service of a gateway, or what its controller makes it from."""
    shape = site.shape
    if shape.gateway_api:
        where = (shape.exposure_kind, shape.exposure)
        return site.config.patched(*where, patch, shape.gateway_namespace)
    return site.patched("Service", shape.gateway, patch, shape.gateway_namespace)


def _serving(now: Manifest, hosts: list[str]) -> Manifest:
    return {"servers": [{**server, "hosts": hosts} for server in now["servers"]]}


def _listening(now: Manifest, hosts: list[str]) -> Manifest:
    """Return listeners like the first of ``now``, one for each host."""
    first = now["listeners"][0]
    names = [f"{number}-{first['name']}" for number, _ in enumerate(hosts)]
    pairs = zip(names, hosts, strict=True)
    return {"listeners": [{**first, "name": name, "hostname": host} for name, host in pairs]}
