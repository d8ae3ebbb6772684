"""What machines call: by which names, as whom, and by which way."""

from collections.abc import Callable
from functools import partial

import pytest

from harness.model import Lab, MachineSpec
from harness.probes.claims import all_answered, always, only_from, served
from harness.probes.gateway import gateways
from harness.probes.paths import mark, peers_of
from harness.providers.base import CanCapture
from harness.sabotages.machines import (
    dns_capture_off,
    equal_networks,
    other_network,
    other_service_account,
)
from harness.workloads.guest import PROXY_USER, Guest
from harness.workloads.neighbours import BESIDE, beside, hello
from harness.workloads.rules import authorization
from harness.workloads.stage import AGENT_PORT, ECHO, HTTP_PORT, SAMPLE, Stage, only

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)"


@pytest.mark.requirement("VM-03")
@pytest.mark.sabotage.with_args(dns_capture_off, breaks="is served under")
def test_a_machine_calls_services_by_their_names(
    guest: Guest, machine: MachineSpec, notes: Callable[[str], None]
) -> None:
    names = [f"{ECHO.name}.{SAMPLE}", f"{ECHO.name}.{SAMPLE}.svc", ECHO.fqdn, BESIDE]
    with guest.joined():
        notes(f"the proxy of {guest} answers DNS: {guest.answers_dns()}")
        for name in names:
            always(
                partial(guest.caller.call, f"http://{name}:{HTTP_PORT}/", count=20),
                served,
                what=f"{guest} is served under {name}",
            )
        absent = f"absent.{machine.namespace}"
        found = guest.caller.resolve(absent).addresses
        assert not found, f"names that nobody has are not answered: {absent} is {found}"


@pytest.mark.requirement("VM-04")
@pytest.mark.sabotage.with_args(other_service_account, breaks="servers see")
def test_a_machine_acts_as_the_account_of_its_group(
    guest: Guest, machine: MachineSpec, stage: Stage
) -> None:
    target, caller = beside(machine), stage.stranger(guest.site)
    principal = guest.identity.removeprefix("spiffe://")
    only_it = authorization(
        "machines-only", machine.namespace, app=BESIDE, sources=[{"principals": [principal]}]
    )
    with guest.joined():
        always(
            lambda: guest.caller.call(target.url, count=20),
            lambda seen: seen.ok and set(seen.identities) == {guest.identity},
            what=f"servers see {guest} as {guest.identity}",
        )
        with guest.applied(only_it):
            always(
                lambda: caller.call(target.url, count=20),
                all_answered(403),
                what=f"a policy for {guest} refuses a pod",
            )
            always(
                lambda: guest.caller.call(target.url, count=20),
                only_from(guest.site.name),
                what=f"a policy for {guest} admits it",
            )


@pytest.mark.requirement("VM-12")
@pytest.mark.sabotage.with_args(other_network, breaks="reaches pods")
def test_machines_and_pods_of_one_network_talk_directly(
    guest: Guest, machine: MachineSpec, stage: Stage, lab: Lab, provider: CanCapture
) -> None:
    site, caller, host = guest.site, stage.stranger(guest.site), only(guest.site)
    there, back = mark(), mark()
    with (
        guest.joined(),
        guest.applied(guest.group.entry(guest.vm.address)),
        provider.capture(lab) as wire,
    ):
        replies = always(
            lambda: guest.caller.call(host.at(there), count=20),
            only_from(site.name),
            what=f"{guest} reaches pods of {site}",
        )
        peers = peers_of(site, SAMPLE, ECHO.name, there, at_least=len(replies))
        assert peers == {guest.vm.address}, f"pods see {guest} itself, not {peers}"
        replies = always(
            lambda: caller.call(hello(machine).at(back), count=20),
            only_from(guest.name),
            what=f"pods of {site} reach {guest}",
        )
        seen = {entry.peer_address for entry in guest.logged(back, at_least=len(replies))}
        near = {caller.ip, *(node.address for node in site.plan.nodes)}
        assert seen <= near, f"{guest} sees the pod, or its node, not {seen - near}"
        held = guest.caller.sidecar.endpoints(host.fqdn, HTTP_PORT)
        pods = {pod["status"]["podIP"] for pod in site.pods(SAMPLE, ECHO.name)}
        assert {each.address for each in held} == pods, f"{guest} holds pods: {held}"
        ways = {gateway.port for gateway in site.gateways}
        past = [flow for flow in wire.flows() if {flow.source_port, flow.target_port} & ways]
        assert not past, f"nothing goes by a gateway: {past}"


@pytest.mark.requirement("VM-13")
@pytest.mark.sabotage.with_args(equal_networks, breaks="holds gateways")
def test_a_machine_on_another_network_takes_the_gateway(guest: Guest, stage: Stage) -> None:
    site, host, word = guest.site, only(guest.site), mark()
    ways = stage.ways_into(site)
    with guest.joined():
        always(
            lambda: guest.caller.sidecar.endpoints(host.fqdn, HTTP_PORT),
            lambda held: {(each.address, each.port) for each in held} == ways,
            what=f"{guest} holds gateways of {site} and nothing else",
        )
        replies = always(
            lambda: guest.caller.call(host.at(word), count=20),
            only_from(site.name),
            what=f"{guest} is served by {site}",
        )
        expected = {each.ip for kin in stage.kin(site) for each in gateways(kin)}
        peers = peers_of(site, SAMPLE, ECHO.name, word, at_least=len(replies))
        assert peers <= expected, f"calls came past the gateways of {site}: {peers - expected}"
        pod = site.pods(SAMPLE, ECHO.name)[0]["status"]["podIP"]
        assert not reaches(guest, pod, AGENT_PORT), f"a pod of {site} is reached directly: {pod}"
        closed = [way for way in ways if not reaches(guest, *way)]
        assert not closed, f"gateways of {site} are reached by the same means: not {closed}"


def reaches(guest: Guest, address: str, port: int) -> bool:
    """Say whether a connection from the machine past its proxy comes to be."""
    argv = ["python3", "-c", CONNECT, address, str(port)]
    return guest.vm.run_as(PROXY_USER, argv).exit_code == 0
