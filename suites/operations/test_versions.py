"""Control planes of different versions are one mesh, as they are in the middle of an upgrade."""

from collections.abc import Callable
from functools import partial

import pytest

from harness.probes.claims import always, from_each
from harness.probes.istiod import proxies_of
from harness.sabotages.control_plane import other_trust_domain
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, GRPC_PORT, TCP_PORT, Stage


@pytest.mark.requirement("OP-05")
@pytest.mark.sabotage.with_args(other_trust_domain, breaks="are answered there and in")
def test_control_planes_of_different_versions_interoperate(
    source: Site, target: Site, stage: Stage, notes: Callable[[str], None]
) -> None:
    listed = {site.name: versions(site) for site in stage.sites}
    several = {version for found in listed.values() for version in found}
    assert len(several) > 1, f"control planes list proxies of one version only: {listed}"
    notes(f"versions of proxies: {listed}")
    caller, host = stage.stranger(source), f"{ECHO.name}.{ECHO.namespace}"
    ways = {
        "HTTP": partial(caller.call, ECHO.url),
        "HTTP/2": partial(caller.call, ECHO.url, version="2"),
        "TCP": partial(caller.tcp, host, TCP_PORT),
        "gRPC": partial(caller.grpc, host, GRPC_PORT),
    }
    for protocol, call in ways.items():
        always(
            partial(call, count=60),
            from_each([source.name, stage.together(source, target)], at_least=5),
            what=f"{protocol} calls from {source} are answered there and in {target}",
        )


def versions(site: Site) -> list[str]:
    """Return the versions of a cluster's proxies, as the istiods that serve it list them."""
    found = {
        proxy.version
        for home in site.control_planes
        for proxy in proxies_of(home)
        if proxy.cluster == site.name
    }
    return sorted(found)
