"""Machines as servers of clusters of the same mesh that they do not belong to."""

from functools import partial

import pytest

from harness.model import MachineSpec
from harness.probes.claims import always, only_from
from harness.probes.gateway import gateways
from harness.probes.paths import mark
from harness.sabotages.machines import entry_on_the_clients_network, gateway_registration_removed
from harness.workloads.guest import Guest
from harness.workloads.neighbours import HELLO, declare, hello
from harness.workloads.site import Site
from harness.workloads.stage import HTTP_PORT, Host, Stage


@pytest.mark.requirement("VM-17")
@pytest.mark.sabotage.with_args(entry_on_the_clients_network, breaks="reach a machine")
def test_pods_reach_a_machine_of_another_cluster(
    source: Site, target: Site, visitor: Guest, stage: Stage
) -> None:
    declare(source, visitor.group.namespace)
    host = Host(HELLO, visitor.group.namespace)
    with visitor.joined(), visitor.applied(visitor.group.entry(visitor.vm.address)):
        always(
            lambda: stage.stranger(source).call(host.url, count=20),
            only_from(visitor.name),
            what=f"pods of {source} reach a machine of {target}",
        )


@pytest.mark.requirement("VM-14")
@pytest.mark.sabotage.with_args(gateway_registration_removed, breaks="and nothing else")
def test_calls_from_another_network_to_a_machine_take_the_gateway(
    guest: Guest, machine: MachineSpec, stage: Stage
) -> None:
    knowing = [each for each in stage.sites if guest.site.name in each.linked]
    clients = [each for each in knowing if each.network != machine.network]
    assert clients, f"no cluster of another network knows {guest.site}, to which {guest} belongs"
    target, ways = hello(machine), stage.ways_into(guest.site)
    # From outside of the cluster a pod may be seen by the address of its node.
    near = {each.ip for kin in stage.kin(guest.site) for each in gateways(kin)}
    near |= {node.address for kin in stage.kin(guest.site) for node in kin.plan.nodes}
    with guest.joined(), guest.applied(guest.group.entry(guest.vm.address)):
        for client in clients:
            declare(client, machine.namespace)
            caller, word = stage.stranger(client), mark()
            always(
                partial(caller.sidecar.endpoints, target.fqdn, HTTP_PORT),
                lambda held: {(each.address, each.port) for each in held} == ways,
                what=f"pods of {client} hold gateways for {guest} and nothing else",
            )
            replies = always(
                partial(caller.call, target.at(word), count=20),
                only_from(guest.name),
                what=f"{guest} answers pods of {client}",
            )
            entries = guest.logged(word, at_least=len(replies))
            past = {entry.peer_address for entry in entries} - near
            assert not past, f"calls of {client} come past the gateways: {past}"
