"""One Service is one thing: of one kind, with the same ports, in every cluster."""

from collections.abc import Iterator
from itertools import product

import pytest

from harness.kube import Manifest
from harness.sabotages.discovery import (
    headless_in_one_cluster,
    other_application_protocol,
    port_renamed,
    port_renumbered,
)
from harness.workloads.site import Site
from harness.workloads.stage import BRIEF

Key = tuple[str, str]


@pytest.mark.requirement("TN-07")
@pytest.mark.sabotage.with_args(port_renamed, breaks="call one port by two names")
@pytest.mark.sabotage.with_args(port_renumbered, breaks="give one port two numbers")
@pytest.mark.sabotage.with_args(other_application_protocol, breaks="speak two protocols")
@pytest.mark.sabotage.with_args(headless_in_one_cluster, breaks="are headless in one")
@pytest.mark.usefixtures("stage")
def test_a_service_has_the_same_ports_everywhere(source: Site, target: Site) -> None:
    both, mine, theirs = f"{source} and {target}", services(source), services(target)
    shared = mine.keys() & theirs.keys()
    assert (BRIEF.namespace, BRIEF.name) in shared, f"{both} share no Service of the stage"
    pairs = [(f"{n}.{s} {a}, {b}", a, b) for s, n in shared for a, b in alike(mine, theirs, (s, n))]
    assert pairs, f"{both} share no port: {sorted(shared)}"
    renamed = [told for told, a, b in pairs if a["name"] != b["name"]]
    assert not renamed, f"{both} call one port by two names: {renamed}"
    moved = [told for told, a, b in pairs if a["port"] != b["port"]]
    assert not moved, f"{both} give one port two numbers: {moved}"
    spoken = [told for told, a, b in pairs if protocols(a) != protocols(b)]
    assert not spoken, f"{both} speak two protocols at one port: {spoken}"
    uneven = [f"{n}.{s}" for s, n in shared if headless(mine[s, n]) != headless(theirs[s, n])]
    assert not uneven, f"{both} share Services that are headless in one of them: {uneven}"


def services(site: Site) -> dict[Key, Manifest]:
    """Return the Services of a cluster, apart from the cluster's own and those of the mesh."""
    apart = {site.shape.system, *(gateway.namespace for gateway in site.gateways)}
    found = {}
    for each in site.kube.list("Service"):
        namespace, name = str(each["metadata"]["namespace"]), str(each["metadata"]["name"])
        if namespace not in apart and not namespace.startswith("kube-"):
            found[namespace, name] = each
    found.pop(("default", "kubernetes"), None)
    return found


def alike(
    mine: dict[Key, Manifest], theirs: dict[Key, Manifest], key: Key
) -> Iterator[tuple[Manifest, Manifest]]:
    """Yield the ports of one Service that share number or name in both clusters.

    A number is that of a transport protocol: TCP and UDP have a port 53 each.
    """
    for one, other in product(ports(mine[key]), ports(theirs[key])):
        numbered = all(one[each] == other[each] for each in ("port", "protocol"))
        if numbered or (one["name"] and one["name"] == other["name"]):
            yield one, other


def ports(service: Manifest) -> list[Manifest]:
    """Return what must agree of each port."""
    return [
        {
            "name": str(each.get("name", "")),
            "port": each["port"],
            "protocol": each.get("protocol", "TCP"),
            "appProtocol": each.get("appProtocol", ""),
        }
        for each in service["spec"].get("ports", [])
    ]


def protocols(port: Manifest) -> tuple[str, str]:
    """Return transport and application protocol."""
    return port["protocol"], port["appProtocol"]


def headless(service: Manifest) -> bool:
    """Say whether a Service has no address of its own."""
    return bool(service["spec"].get("clusterIP") == "None")
