"""Which packets reach a machine, and by which way it reaches its control plane."""

from collections.abc import Callable
from functools import partial

import pytest

from harness.meshes.base import XDS_PORT
from harness.probes.certificates import dns_names_of, issued_by, split
from harness.probes.claims import always, only_from, served, unanswered
from harness.probes.gateway import ways_in
from harness.sabotages.machines import istiod_route_deleted, route_removed, routes_between_networks
from harness.workloads.guest import Guest
from harness.workloads.stage import AGENT_PORT, BARE, SAMPLE, Stage


@pytest.mark.requirement("NM-01")
@pytest.mark.sabotage.with_args(route_removed, breaks="calls a pod of")
def test_a_machine_and_pods_of_its_network_reach_each_other(guest: Guest, stage: Stage) -> None:
    site = guest.site
    pod = site.pods(SAMPLE, BARE.name)[0]["status"]["podIP"]
    always(
        lambda: guest.caller.call(f"http://{pod}:{AGENT_PORT}/", count=10, timeout=2.0),
        only_from(site.name),
        what=f"{guest} calls a pod of {site} that has no proxy",
    )
    here = f"http://{guest.vm.address}:{AGENT_PORT}/"
    always(
        lambda: stage.bare(site).call(here, count=10, timeout=2.0),
        only_from(guest.name),
        what=f"a pod of {site} without a proxy calls {guest}",
    )


@pytest.mark.requirement("NM-03")
@pytest.mark.sabotage.with_args(routes_between_networks, breaks="is reached directly from")
def test_a_machine_and_pods_of_another_network_do_not_reach_each_other(
    guest: Guest, stage: Stage, waits: Callable[[float], None]
) -> None:
    site, caller = guest.site, stage.bare(guest.site)
    pod = site.pods(SAMPLE, "echo")[0]["status"]["podIP"]
    gateway, port = min(stage.ways_into(site))
    for what, twin in (
        (f"a pod of {site} its own network", caller.connect(pod, AGENT_PORT, count=3)),
        (f"{guest} a gateway of {site}", guest.caller.connect(gateway, port, count=3)),
    ):
        assert twin.ok, f"not even that is reached by {what}: {twin}"
    out = guest.caller.connect(pod, AGENT_PORT, count=3, timeout=1.0)
    assert unanswered(out), f"a pod of {site} is reached directly from {guest}: {out}"
    back = caller.connect(guest.vm.address, AGENT_PORT, count=3, timeout=1.0)
    assert unanswered(back), f"a pod of {site} reaches {guest} directly: {back}"
    waits(2.0)


@pytest.mark.requirement("CP-04")
@pytest.mark.sabotage.with_args(istiod_route_deleted, breaks="shows a certificate")
@pytest.mark.disturbs
def test_a_machine_reaches_istiod_at_a_gateway(guest: Guest, stage: Stage) -> None:
    plane = guest.site.control_plane
    host = f"{plane.shape.istiod}.{plane.shape.system}.svc"
    held = stage.stranger(guest.site).sidecar.certificates()
    signers = (*held.chain_pem[1:], *split(held.root_pem))
    ways = {address for address, _ in ways_in(plane)}
    for gateway in sorted(ways):
        (reply,) = always(
            partial(guest.caller.tls, gateway, XDS_PORT, sni=host),
            served,
            what=f"{gateway}:{XDS_PORT} shows a certificate to {guest}",
        )
        shown = reply.server_certificate
        assert host in dns_names_of(shown), f"{gateway} shows another name than {host}"
        assert any(issued_by(shown, each) for each in signers), f"no signer of the mesh: {gateway}"
    with guest.joined():
        peers = guest.connected_to(XDS_PORT)
        assert peers, f"{guest} is ready without a connection to istiod"
        assert peers <= ways, f"{guest} reaches istiod past its gateways {sorted(ways)}: {peers}"
