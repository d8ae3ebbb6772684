"""Step by step what courses teach of virtual machines, with their names, by hand and by itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import pytest

from harness.converge import Budget
from harness.kube import Manifest
from harness.probes.access_log import LogEntry, entries
from harness.probes.caller import Caller
from harness.probes.claims import always, only_from
from harness.probes.paths import mark
from harness.probes.replies import Replies
from harness.sabotages.machines import autoregister_missing, other_app_label
from harness.workloads.echo import Echo, service
from harness.workloads.group import Group
from harness.workloads.guest import Guest
from harness.workloads.naming import service_name
from harness.workloads.rules import service_entry
from harness.workloads.site import Site
from harness.workloads.stage import HTTP_PORT, Stage
from harness.workloads.virtual_machine import Program

SPACE, ACCOUNT, NAME = "vm-namespace", "vm-sa", "hello-vm"
PORT = 80
#: Words of the page that python3's server shows of a directory.
LISTING = "Directory listing for"
#: What tells machines of one group from each other.
INSTANCE = {"instance-id": "vm1"}
#: By when an entry has come, and by when it has gone (see VM-08 and VM-09).
COME, GONE = Budget(timeout=15, interval=0.2), Budget(timeout=22, interval=0.2)


@pytest.mark.requirement("VM-05")
@pytest.mark.sabotage.with_args(other_app_label, breaks="is shown")
def test_a_pod_is_led_to_a_machine_by_hand(guest: Guest, stage: Stage) -> None:
    pupil, caller = enrolled(guest), stage.stranger(guest.site)
    by_hand = replace(pupil.group, labels={**pupil.group.labels, **INSTANCE})
    with hello_world(guest.site), settled(guest.site), serving_a_directory(pupil), pupil.joined():
        always(
            lambda: pupil.caller.call(f"http://helloworld.default:{HTTP_PORT}/", count=20),
            only_from(guest.site.name),
            what=f"helloworld.default is served to {pupil}",
        )
        with pupil.applied(by_hand.entry(pupil.vm.address)):
            listing_is_shown(caller, pupil)


@pytest.mark.requirement("VM-08")
@pytest.mark.sabotage.with_args(autoregister_missing, breaks="comes by itself")
def test_a_pod_is_led_to_a_machine_that_registers(guest: Guest, stage: Stage) -> None:
    pupil, caller = enrolled(guest), stage.stranger(guest.site)
    with settled(guest.site), serving_a_directory(pupil), pupil.joined(registers=True):
        always(
            pupil.registered,
            lambda seen: len(seen) == 1,
            what=f"the entry of {pupil} comes by itself",
            budget=COME,
        )
        if guest.group.network == guest.site.network:  # else it is not specified
            listing_is_shown(caller, pupil)
        pupil.stop()
        always(
            pupil.registered,
            lambda seen: not seen,
            what=f"the entry of {pupil} goes by itself",
            budget=GONE,
        )


def enrolled(guest: Guest) -> Guest:
    """Return the machine as one of the group that courses describe.

    They leave the network without a name on both sides. Here it has one, and so the machine says
    it: one that says none would be led to pods by the gateway, which exposes istiod alone.
    """
    return guest.of(Group(NAME, SPACE, ACCOUNT, {"app": NAME}, guest.group.network))


def listing_is_shown(caller: Caller, pupil: Guest) -> None:
    """Claim that a pod is shown the machine's directory, by a server with its identity."""
    word = mark()
    url = f"http://{NAME}.{SPACE}/{word}/"
    pupil.vm.put(f"/srv/{word}/hello.txt", "hello\n")
    replies = always(
        lambda: caller.call(url, count=5),
        shows_a_listing,
        what=f"the directory of {pupil} is shown",
    )
    peers = {entry.upstream_peer for entry in logged(pupil.site, caller, word, len(replies))}
    assert peers == {pupil.identity}, f"the server has the identity of {pupil}: {peers}"


def shows_a_listing(replies: Replies) -> bool:
    """Every call was answered by the page of a directory."""
    return replies.ok and all(LISTING in reply.body for reply in replies)


def logged(site: Site, caller: Caller, word: str, at_least: int) -> list[LogEntry]:
    """Return what the caller's proxy logged of served calls whose path has ``word``."""

    def look() -> list[LogEntry]:
        found = entries(site, caller.pod, caller.namespace)
        return [each for each in found if word in each.path and each.response_code == 200]

    return always(
        look,
        lambda seen: len(seen) >= at_least,
        what=f"{caller} logs its calls",
        budget=Budget(timeout=15, interval=0.5, firm=True),
    )


@contextmanager
def hello_world(site: Site) -> Iterator[None]:
    """Run a workload of the mesh in namespace ``default``, as the samples do."""
    labels = {"sidecar.istio.io/inject": "true"}
    labels |= site.shape.revision_labels
    site.deploy(Echo(name="helloworld", namespace="default", labels=labels))
    with site.applied(service("helloworld", "default")):
        site.rolled_out("helloworld", "default")
        yield


@contextmanager
def settled(site: Site) -> Iterator[None]:
    """Make what a machine of the group needs in its cluster, and what leads to it."""
    metadata = {"name": ACCOUNT, "namespace": SPACE}
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    site.apply(namespace, account)
    host = service_name(NAME, SPACE)
    entry = service_entry(NAME, SPACE, host=host, ports={PORT: PORT}, labels={"app": NAME})
    with ExitStack() as undo:
        undo.enter_context(site.applied(_service()))
        undo.enter_context(site.config.applied(entry))
        site.await_root(SPACE)
        yield


@contextmanager
def serving_a_directory(pupil: Guest) -> Iterator[None]:
    """Run a plain server of files on the machine."""
    pupil.vm.run(["mkdir", "-p", "/srv"]).checked()
    argv = ("python3", "-u", "-m", "http.server", "--directory", "/srv", str(PORT))
    pupil.vm.start(Program("pages", argv))
    try:
        yield
    finally:
        pupil.vm.stop("pages")


def _service() -> Manifest:
    port = {"name": "http-vm", "port": PORT, "targetPort": PORT, "protocol": "TCP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": SPACE, "labels": {"app": NAME}},
        "spec": {"ports": [port], "selector": {"app": NAME}},
    }
