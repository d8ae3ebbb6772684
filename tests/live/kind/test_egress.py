"""No packet of a lab leaves an engine that has a way out."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.model import Lab
from harness.phases import Phases
from harness.probes.caller import Caller
from harness.providers.base import RaiseOptions, planned
from harness.providers.fabric.state import State
from harness.providers.kind import egress
from harness.providers.kind.naming import Names
from harness.providers.kind.provider import KindProvider
from harness.providers.kind.spec import KindSpec
from harness.providers.offline import engine
from harness.providers.offline.engine import Engine
from harness.shell import LocalShell, PrefixShell, Shell
from harness.workloads.echo import Echo, namespace
from harness.workloads.site import Site
from tests.live.owner import single

LINK = "uplink0"
#: What nothing in a lab answers for, and what is behind the way out.
NOBODY, GATEWAY = "10.201.7.7", "198.51.100.1"


@pytest.fixture(scope="module")
def own(provider: KindProvider) -> Engine:
    found = engine.find()
    if found is None or found.pid is None:
        pytest.skip("needs an engine of our own, whose links may be changed")
    return found


@pytest.fixture(scope="module")
def links(own: Engine) -> Iterator[Shell]:
    """Give the engine's namespace (and nothing else) a way out that leads nowhere."""
    shell = PrefixShell(own.inside(), LocalShell())
    for words in (
        f"link add {LINK} type veth peer name {LINK}-end",
        f"link set {LINK}-end up",
        f"address add 198.51.100.2/24 dev {LINK}",
        f"link set {LINK} up",
        f"neighbour add {GATEWAY} lladdr 02:00:00:00:00:01 dev {LINK}",
        f"route add default via {GATEWAY}",
    ):
        shell.run(["ip", *words.split()]).checked()
    yield shell
    shell.run(["ip", "link", "delete", LINK]).checked()


@pytest.fixture(scope="module")
def guarded(links: Shell, provider: KindProvider) -> Iterator[Lab]:
    topology = single()
    lab = provider.up(topology, planned(provider, topology), Phases(), RaiseOptions())
    yield lab
    provider.down(lab)
    assert lab.id not in links.run(["iptables-save"]).checked()


@pytest.fixture(scope="module")
def caller(guarded: Lab) -> Caller:
    site = Site.of(guarded, "east")
    site.apply(namespace("guard", injected=False))
    site.deploy(Echo(name="echo", namespace="guard", injected=False))
    site.rolled_out("echo", "guard")
    return site.caller("guard", "echo")


def left(links: Shell) -> int:
    """Return how many packets took the way out."""
    (link,) = json.loads(links.run(["ip", "-s", "-j", "link", "show", LINK]).checked())
    return int(link["stats64"]["tx"]["packets"])


def test_a_call_to_nobody_does_not_leave(caller: Caller, guarded: Lab, links: Shell) -> None:
    before = left(links)
    assert not caller.connect(NOBODY, 80, timeout=1.5).ok
    assert left(links) == before
    assert "-j REJECT" in links.run(["iptables-save"]).checked()


def test_without_the_guard_it_would_have_left(
    caller: Caller, guarded: Lab, own: Engine, links: Shell
) -> None:
    """The positive control: the very same call is counted where nobody rejects it."""
    names = Names(guarded.id)
    helper = KindSpec.read(State(Path(guarded.state_dir))).helper
    with closing(own.client()) as client:
        egress.reopen(client, names, helper)
        before = left(links)
        assert not caller.connect(NOBODY, 80, timeout=1.5).ok
        assert left(links) > before
        egress.close(client, names, helper)


def test_a_lab_without_files_takes_its_rule_along(links: Shell, provider: KindProvider) -> None:
    topology = single()
    lab = provider.up(topology, planned(provider, topology), Phases(), RaiseOptions())
    assert lab.id in links.run(["iptables-save"]).checked()
    place = State(Path(lab.state_dir))
    holder = place.holder()
    assert holder
    os.kill(holder, signal.SIGKILL)
    place.remove()
    assert provider.reap() == [lab.id]
    assert lab.id not in links.run(["iptables-save"]).checked()
    provider.down(lab)
