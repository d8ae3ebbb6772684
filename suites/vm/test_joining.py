"""Machines join, by the gateway; are registered when they ask for it; and leave."""

from collections.abc import Callable

import pytest

from harness.converge import Budget, eventually
from harness.kube import Manifest
from harness.meshes.addresses import external_addresses
from harness.meshes.base import XDS_PORT
from harness.model import MachineSpec
from harness.probes.claims import all_answered, always, only_from, served
from harness.probes.istiod import Proxy, proxies_of
from harness.sabotages.machines import (
    autoregister_missing,
    certificates_deleted,
    istiod_not_exposed,
    long_grace_period,
    wrong_address,
    wrong_root_cert,
)
from harness.workloads.guest import Guest
from harness.workloads.neighbours import both, hello
from harness.workloads.stage import HTTP_PORT, Stage

#: How long a proxy may take to start, to be known to istiod and to get what it needs.
JOINS = Budget(timeout=60, interval=0.2)
#: By when an entry is there (VM-08), and gone (VM-09: twice the grace period and two seconds).
REGISTERED = Budget(timeout=15, interval=0.2)
GONE = Budget(timeout=22, interval=0.2)
#: Seconds that a machine which is gone may come back.
GRACE = 10.0
#: Annotation of an entry that was made because a machine asked for it.
REGISTRATION = "istio.io/autoRegistrationGroup"


@pytest.mark.requirement("VM-01")
@pytest.mark.sabotage.with_args(wrong_root_cert, breaks="is ready")
def test_a_machine_joins(guest: Guest) -> None:
    with guest.joined(ready=False):
        always(guest.readiness, served, what=f"the proxy of {guest} is ready", budget=JOINS)
        always(
            lambda: known(guest),
            lambda seen: bool(seen) and all(proxy.synced for proxy in seen),
            what=f"a control plane lists {guest.proxy} as synced",
        )


@pytest.mark.requirement("VM-02")
@pytest.mark.sabotage.with_args(istiod_not_exposed, breaks="control traffic")
def test_control_traffic_of_a_machine_takes_the_gateway(guest: Guest) -> None:
    services = [
        site.kube.get("Service", gateway.workload, gateway.namespace)
        for site in guest.site.control_planes
        for gateway in site.gateways
    ]
    entrances = {address for service in services for address in external_addresses(service)}
    with guest.joined(ready=False):
        always(
            lambda: guest.connected_to(XDS_PORT),
            lambda seen: bool(seen) and seen <= entrances,
            what=f"control traffic of {guest} goes to gateways {entrances} and nowhere else",
            budget=JOINS,
        )
        guest.await_ready()
        leaf = guest.caller.sidecar.certificates().leaf_uris
        assert leaf == (guest.identity,), f"{guest} was given a certificate by this way: {leaf}"


@pytest.mark.requirement("VM-07")
@pytest.mark.sabotage.with_args(wrong_address, breaks="serves once")
def test_a_machine_that_does_not_register_is_no_endpoint_without_an_entry(
    guest: Guest, machine: MachineSpec, stage: Stage
) -> None:
    caller, target = stage.stranger(guest.site), hello(machine)
    with guest.joined():
        always(
            lambda: caller.sidecar.endpoints(target.fqdn, HTTP_PORT),
            lambda held: not held,
            what=f"no endpoint of {target.fqdn} is there before the entry",
        )
        always(
            lambda: caller.call(target.url, count=20),
            all_answered(503),
            what=f"nobody serves {target.fqdn} before the entry",
        )
        with guest.applied(guest.group.entry(guest.vm.address)):
            always(
                lambda: caller.call(target.url, count=20),
                only_from(guest.name),
                what=f"{guest} serves once its entry is there",
            )


@pytest.mark.requirement("VM-08")
@pytest.mark.sabotage.with_args(autoregister_missing, breaks="has an entry")
def test_a_machine_that_asks_is_registered(guest: Guest) -> None:
    wanted = entry_name(guest)
    with guest.joined(registers=True):
        entries = always(
            guest.registered,
            lambda seen: [each["metadata"]["name"] for each in seen] == [wanted],
            what=f"{guest} has an entry, which is called {wanted}",
            budget=REGISTERED,
        )
    (metadata,) = (each["metadata"] for each in entries)
    group = metadata.get("annotations", {}).get(REGISTRATION)
    assert group == guest.group.name, f"the entry names its group: {group}"
    labels = labels_of(entries[0])
    missing = guest.group.labels.items() - labels.items()
    assert not missing, f"the entry has the labels of its group, but for {missing}: {labels}"


@pytest.mark.requirement("VM-09")
@pytest.mark.sabotage.with_args(long_grace_period, breaks="has no entry")
def test_a_machine_that_has_left_loses_its_entry(
    guest: Guest, machine: MachineSpec, stage: Stage, waits: Callable[[float], None]
) -> None:
    caller = stage.stranger(guest.site)
    with guest.joined(registers=True):
        eventually(guest.registered, bool, what=f"{guest} has an entry", budget=REGISTERED)
        guest.stop()
        waits(GRACE)
        always(
            guest.registered,
            lambda entries: not entries,
            what=f"{guest} has no entry after it has left",
            budget=GONE,
        )
        always(
            lambda: caller.call(both(machine).url, count=20),
            only_from(guest.site.name),
            what=f"calls go to others once {guest} has left",
        )
        always(
            lambda: caller.call(hello(machine).url, count=20),
            all_answered(503),
            what=f"calls to {guest} alone are refused and do not hang",
        )


@pytest.mark.requirement("VM-18")
@pytest.mark.sabotage.with_args(certificates_deleted, breaks="is ready again")
def test_a_machine_rejoins_by_its_certificate(guest: Guest, notes: Callable[[str], None]) -> None:
    with guest.joined():
        held = guest.vm.run(["ls", "/etc/certs"]).checked().split()
        wanted = {"cert-chain.pem", "key.pem", "root-cert.pem"}
        assert wanted <= set(held), f"{guest} keeps its certificate on its disk: {held}"
        guest.stop()
        notes("the token is one that was withdrawn, as an expired one would be: none is so short")
        guest.restart(guest.withdrawn_token())
        always(guest.readiness, served, what=f"the proxy of {guest} is ready again", budget=JOINS)


def entry_name(guest: Guest) -> str:
    """Return what the entry is called that istiod makes for a machine which asks."""
    name = f"{guest.group.name}-{guest.vm.address}"
    return f"{name}-{guest.group.network}" if guest.group.network else name


def labels_of(entry: Manifest) -> dict[str, str]:
    """Return the labels by which an entry is selected."""
    return {**entry["metadata"].get("labels", {}), **entry["spec"].get("labels", {})}


def known(guest: Guest) -> list[Proxy]:
    """Return what control planes that serve the machine's cluster know of its proxy."""
    planes = guest.site.control_planes
    proxies = [proxy for site in planes for proxy in proxies_of(site)]
    return [proxy for proxy in proxies if proxy.id == guest.proxy]
