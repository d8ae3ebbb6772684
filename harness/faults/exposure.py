"""Change what an east-west gateway serves, and how."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from harness.kube import Manifest
from harness.workloads.rules import virtual_service
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT


def unexposed(site: Site) -> AbstractContextManager[None]:
    """Run the body while nothing of a cluster is exposed to other networks."""
    return site.config.deleted("Gateway", site.shape.exposure, site.shape.gateway_namespace)


def exposing(site: Site, *, hosts: list[str]) -> AbstractContextManager[None]:
    """Run the body while a cluster exposes these ``hosts`` and no others."""
    shape = site.shape
    now = site.config.kube.get("Gateway", shape.exposure, shape.gateway_namespace)
    servers = [{**server, "hosts": hosts} for server in now["spec"]["servers"]]
    return _serving(site, servers)


@contextmanager
def terminating(site: Site, server: Manifest) -> Iterator[None]:
    """Replace the exposure by one server that ends TLS and forwards everything to ``echo``."""
    shape = site.shape
    there = {"host": ECHO.fqdn, "port": {"number": HTTP_PORT}}
    route = virtual_service(
        "terminated",
        shape.gateway_namespace,
        hosts=["*"],
        gateways=[shape.exposure],
        http=[{"route": [{"destination": there}]}],
    )
    with site.config.applied(route), _serving(site, [server]):
        yield


def gateway_service(site: Site, patch: Manifest) -> AbstractContextManager[None]:
    """Run the body while the Service of a cluster's east-west gateway is another one."""
    return site.patched("Service", site.shape.gateway, patch, site.shape.gateway_namespace)


def _serving(site: Site, servers: list[Manifest]) -> AbstractContextManager[None]:
    patch = {"spec": {"servers": servers}}
    return site.config.patched("Gateway", site.shape.exposure, patch, site.shape.gateway_namespace)
