"""Machines as servers: who selects them, who shares with them, and which rules apply."""

from collections.abc import Callable

import pytest

from harness.kube import Manifest
from harness.model import MachineSpec
from harness.probes.claims import AT_LEAST, all_answered, always, from_each, not_served, only_from
from harness.probes.paths import mark
from harness.probes.proportion import Proportion, demand
from harness.sabotages.machines import (
    NOBODY,
    label_mismatch,
    no_probe,
    other_app_label,
    rule_on_other_host,
    selector_mismatch,
)
from harness.workloads.echo import PORTS
from harness.workloads.guest import Guest
from harness.workloads.neighbours import HELLO, VERSION, both, group_of, hello
from harness.workloads.rules import destination_rule, service_entry, virtual_service
from harness.workloads.site import Site
from harness.workloads.stage import HTTP_PORT, Stage

#: An address for the ServiceEntry's host, which no resolver of a pod knows (class E).
VIRTUAL = "240.240.0.1"
PROBE: Manifest = {
    "httpGet": {"path": "/", "port": PORTS["http"]},
    "periodSeconds": 1,
    "failureThreshold": 1,
}


@pytest.mark.requirement("VM-05")
@pytest.mark.sabotage.with_args(other_app_label, breaks="serves calls to")
def test_a_service_selects_machines(guest: Guest, machine: MachineSpec, stage: Stage) -> None:
    target, word = hello(machine), mark()
    with guest.joined(), guest.applied(guest.group.entry(guest.vm.address)):
        replies = always(
            lambda: stage.stranger(guest.site).call(target.at(word), count=20),
            only_from(guest.name),
            what=f"{guest} serves calls to {target.fqdn}",
        )
        entries = guest.logged(word, at_least=len(replies))
        refused = [entry for entry in entries if entry.response_code != 200]
        assert not refused, f"{guest} logs that it has served: {refused}"


@pytest.mark.requirement("VM-06")
@pytest.mark.sabotage.with_args(selector_mismatch, breaks="serves calls to")
def test_a_service_entry_selects_machines(guest: Guest, machine: MachineSpec, stage: Stage) -> None:
    entry = service_entry(
        "machines",
        machine.namespace,
        host="machines.internal",
        address=VIRTUAL,
        ports={HTTP_PORT: PORTS["http"]},
        labels={"app": HELLO},
    )
    with guest.joined(), guest.applied(guest.group.entry(guest.vm.address), entry):
        always(
            lambda: stage.stranger(guest.site).call(f"http://{VIRTUAL}:{HTTP_PORT}/", count=20),
            only_from(guest.name),
            what=f"{guest} serves calls to the host of the ServiceEntry",
        )


@pytest.mark.requirement("VM-10")
@pytest.mark.sabotage.with_args(no_probe, breaks="is told to be unhealthy")
def test_an_unhealthy_machine_gets_no_calls(
    guest: Guest, machine: MachineSpec, stage: Stage
) -> None:
    caller, target = stage.stranger(guest.site), both(machine)
    probed = group_of(machine, probe=PROBE)
    serving = from_each([guest.name, guest.site.name])
    with guest.joined(registers=True, group=probed):
        always(
            lambda: caller.call(target.url, count=100),
            serving,
            what=f"{guest} and pods serve {target.fqdn}",
        )
        try:
            guest.caller.fail(status=500)
            always(
                lambda: health(guest),
                lambda seen: seen == ["False"],
                what=f"{guest} is told to be unhealthy",
            )
            always(
                lambda: caller.call(target.url, count=100),
                only_from(guest.site.name),
                what=f"no call reaches {guest} while it is unhealthy, and none fails",
            )
        finally:
            guest.caller.fail()
        always(
            lambda: health(guest),
            lambda seen: seen == ["True"],
            what=f"{guest} is told to be healthy again",
        )
        always(
            lambda: caller.call(target.url, count=100),
            serving,
            what=f"{guest} serves {target.fqdn} again",
        )


@pytest.mark.requirement("VM-11")
@pytest.mark.sabotage.with_args(label_mismatch, breaks="both answer")
def test_a_service_spans_machines_and_pods(
    guest: Guest, machine: MachineSpec, stage: Stage, notes: Callable[[str], None]
) -> None:
    caller, target = stage.stranger(guest.site), both(machine)
    with guest.joined(), guest.applied(guest.group.entry(guest.vm.address)):
        always(
            lambda: caller.call(target.url, count=100),
            from_each([guest.name, guest.site.name], at_least=AT_LEAST),
            what=f"{guest} and pods both answer for {target.fqdn}",
        )
        held = [each.address for each in caller.sidecar.endpoints(target.fqdn, HTTP_PORT)]
        share = held.count(guest.vm.address) / len(held)
        assert 0 < share < 1, f"{caller} holds {guest} and pods: {held}"
        demand(
            Proportion(200, share),
            lambda count: caller.call(target.url, count=count),
            lambda seen: {guest.name: seen.clusters[guest.name]},
            notes,
        )


@pytest.mark.requirement("VM-15")
@pytest.mark.disturbs  # or other checks' pods would be counted
def test_an_entry_alone_provides_nothing(guest: Guest, machine: MachineSpec, stage: Stage) -> None:
    caller, target = stage.stranger(guest.site), hello(machine)
    before = pods(guest.site)
    with guest.applied(guest.group.manifest(), guest.group.entry(NOBODY)):
        always(
            lambda: [each.address for each in caller.sidecar.endpoints(target.fqdn, HTTP_PORT)],
            lambda held: held == [NOBODY],
            what=f"{caller} holds the entry of {NOBODY}",
        )
        always(
            lambda: caller.call(target.url, count=5, timeout=2.0),
            not_served,
            what=f"nobody serves at {NOBODY}",
        )
        assert pods(guest.site) == before, "no pod came or went because of an entry"
    with guest.joined(), guest.applied(guest.group.entry(guest.vm.address)):
        always(
            lambda: caller.call(target.url, count=20),
            only_from(guest.name),
            what=f"{guest}, which runs an agent, serves",
        )


@pytest.mark.requirement("VM-16")
@pytest.mark.sabotage.with_args(rule_on_other_host, breaks="the fault")
def test_rules_apply_to_machines(guest: Guest, machine: MachineSpec, stage: Stage) -> None:
    caller, target = stage.stranger(guest.site), both(machine)
    with (
        guest.joined(),
        guest.applied(guest.group.entry(guest.vm.address), *_rules(machine)),
    ):
        always(
            lambda: caller.call(target.url, count=20, headers={"x-to": "nobody"}),
            all_answered(418),
            what=f"the fault is seen by callers of {target.fqdn}",
        )
        always(
            lambda: caller.call(target.url, count=20, headers={"x-to": VERSION}),
            only_from(guest.name),
            what=f"calls for the subset of machines reach {guest}",
        )
        always(
            lambda: caller.call(target.url, count=20),
            only_from(guest.site.name),
            what="calls for the other subset reach pods",
        )


def _rules(machine: MachineSpec) -> list[Manifest]:
    """Return a fault, a subset of machines and one of pods for the Service over both."""
    host = both(machine).fqdn
    subsets = [{"name": name, "labels": {"version": name}} for name in (VERSION, "v1")]
    aborted = {"abort": {"httpStatus": 418, "percentage": {"value": 100}}}
    http: list[Manifest] = [
        {"match": [_asks("nobody")], "fault": aborted, "route": [_to(host, "v1")]},
        {"match": [_asks(VERSION)], "route": [_to(host, VERSION)]},
        {"route": [_to(host, "v1")]},
    ]
    return [
        destination_rule("subsets", machine.namespace, host=host, subsets=subsets),
        virtual_service("routes", machine.namespace, hosts=[host], http=http),
    ]


def _asks(word: str) -> Manifest:
    return {"headers": {"x-to": {"exact": word}}}


def _to(host: str, subset: str) -> Manifest:
    return {"destination": {"host": host, "subset": subset}}


def health(guest: Guest) -> list[str]:
    """Return what the machine's entries say of its health, empty where they say nothing."""
    entries = guest.registered()
    conditions = [c for each in entries for c in each.get("status", {}).get("conditions", [])]
    return [str(each["status"]) for each in conditions if each["type"] == "Healthy"]


def pods(site: Site) -> set[str]:
    """Return what tells every pod of a cluster from all others."""
    return {str(pod["metadata"]["uid"]) for pod in site.kube.list("Pod")}
