"""Who gets which address of a pool."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from harness.kube import Event, Kube, Manifest
from harness.model.plan import ADDRESS_ANNOTATION
from harness.providers.embedded.cloud import NodeAddresses
from harness.providers.fabric.balancer import Addresses, Balancer
from harness.shell import Outcome, ScriptedShell
from harness.tools.ip import Ip

POOL = ("10.0.0.9", "10.0.0.8")


@dataclass
class PaperKube:
    """Remembers what was published; lists what it was given."""

    services: list[Manifest] = field(default_factory=list)
    published: list[tuple[str, Any]] = field(default_factory=list)
    applied: list[Manifest] = field(default_factory=list)

    def apply(self, manifest: Manifest) -> None:
        self.applied.append(manifest)

    def patch(
        self, kind: str, name: str, patch: Manifest, namespace: str, *, subresource: str
    ) -> None:
        assert (kind, namespace, subresource) == ("Service", "default", "status")
        self.published.append((name, patch["status"]["loadBalancer"]["ingress"]))

    def list(self, kind: str) -> "list[Manifest]":
        assert kind == "Service"
        return self.services

    def watch(self, kind: str) -> Iterator[Event]:
        yield from (Event("ADDED", service) for service in self.list(kind))


class AnyShell(ScriptedShell):
    """Agrees to every batch of ``ip``."""

    def run(self, argv: Any, *, stdin: str | None = None, **_: Any) -> Outcome:
        self.ran.append((*argv, stdin or ""))
        return Outcome(tuple(argv), 0, "", "")


@pytest.fixture
def kube() -> PaperKube:
    return PaperKube()


@pytest.fixture
def shell() -> AnyShell:
    return AnyShell({})


@pytest.fixture
def balancer(kube: PaperKube, shell: AnyShell) -> Balancer:
    return Balancer("east", POOL, cast("Kube", kube), NodeAddresses(Ip(shell)))


def service(name: str, kind: str = "LoadBalancer", ingress: tuple[str, ...] = ()) -> Manifest:
    return {
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"type": kind},
        "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress]}},
    }


def published(address: str) -> list[Manifest]:
    return [{"ip": address, "ipMode": "VIP"}]


def test_a_service_gets_the_next_free_address_on_its_node(
    balancer: Balancer, kube: PaperKube, shell: AnyShell
) -> None:
    balancer.see(Event("ADDED", service("one")))
    balancer.see(Event("ADDED", service("two")))
    assert kube.published == [("one", published(POOL[0])), ("two", published(POOL[1]))]
    assert shell.ran[0][-1] == "address replace 10.0.0.9/32 dev eth0\n"


def test_nothing_is_said_twice(balancer: Balancer, kube: PaperKube) -> None:
    balancer.see(Event("ADDED", service("one")))
    balancer.see(Event("MODIFIED", service("one", ingress=(POOL[0],))))
    assert len(kube.published) == 1


def test_a_published_address_is_kept_after_a_restart(
    balancer: Balancer, kube: PaperKube, shell: AnyShell
) -> None:
    kube.services.append(service("old", ingress=(POOL[1],)))
    balancer.follow()
    assert shell.ran[-1][-1] == "address replace 10.0.0.8/32 dev eth0\n"
    assert kube.published == []


def test_an_address_is_taken_back_when_its_service_goes_or_changes(
    balancer: Balancer, kube: PaperKube, shell: AnyShell
) -> None:
    balancer.see(Event("ADDED", service("one")))
    balancer.see(Event("DELETED", service("one")))
    balancer.see(Event("ADDED", service("two")))
    balancer.see(Event("MODIFIED", service("two", "ClusterIP", (POOL[0],))))
    assert [ran[-1].split()[1] for ran in shell.ran] == ["replace", "delete"] * 2
    assert kube.published[-1] == ("two", None)


def test_a_service_that_went_unseen_gives_its_address_back(
    balancer: Balancer, shell: AnyShell
) -> None:
    balancer.see(Event("ADDED", service("one")))
    balancer.follow()
    assert shell.ran[-1][-1] == "address delete 10.0.0.9/32 dev eth0\n"


def test_services_of_other_kinds_and_classes_are_left_alone(
    balancer: Balancer, kube: PaperKube
) -> None:
    other = service("classy")
    other["spec"]["loadBalancerClass"] = "example.org/other"
    for each in (service("plain", "ClusterIP"), other):
        balancer.see(Event("ADDED", each))
    assert kube.published == []


def test_an_empty_pool_gives_nothing_and_says_so(
    balancer: Balancer, kube: PaperKube, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two", "three"):
        balancer.see(Event("ADDED", service(name)))
    assert len(kube.published) == 2
    assert "no address left for default/three" in capsys.readouterr().err


def test_a_wanted_address_is_given_if_it_is_free() -> None:
    addresses = Addresses(POOL)
    assert addresses.take("a", [POOL[1]]) == (POOL[1],)
    assert addresses.take("b", [POOL[1]]) == (POOL[0],)
    assert addresses.release("a") == (POOL[1],)
    assert addresses.release("a") == ()


def test_a_service_may_want_two_addresses_and_gets_none_if_there_is_one() -> None:
    addresses = Addresses(POOL)
    assert addresses.take("a", count=2) == POOL
    assert addresses.take("b") == ()
    addresses.release("a")
    addresses.take("b")
    assert addresses.take("a", count=2) == ()


def test_a_service_of_several_addresses_holds_and_shows_two(
    balancer: Balancer, kube: PaperKube, shell: AnyShell
) -> None:
    balancer.see(Event("ADDED", wanting("one", "several-ips")))
    assert kube.published == [("one", [*published(POOL[0]), *published(POOL[1])])]
    assert [ran[-1].split()[2] for ran in shell.ran] == [f"{address}/32" for address in POOL]


def test_a_service_of_two_families_holds_the_address_of_ipv4(
    balancer: Balancer, kube: PaperKube, shell: AnyShell
) -> None:
    balancer.see(Event("ADDED", wanting("one", "dual-stack")))
    shown = [*published(POOL[0]), *published("2001:db8::a00:9")]
    assert kube.published == [("one", shown)]
    assert [ran[-1].split()[2] for ran in shell.ran] == [f"{POOL[0]}/32"]
    seen = wanting("one", "dual-stack")
    seen["status"]["loadBalancer"]["ingress"] = shown
    balancer.see(Event("MODIFIED", seen))
    assert len(kube.published) == 1


def test_a_service_that_wants_a_name_shows_no_address(balancer: Balancer, kube: PaperKube) -> None:
    balancer.see(Event("ADDED", wanting("one", "hostname")))
    assert kube.published == [("one", [{"hostname": "ip-10-0-0-9.balancer.test"}])]
    (ways,) = kube.applied
    assert ways["spec"]["externalIPs"] == [POOL[0]]
    assert ways["spec"]["selector"] == {"app": "one"}
    assert "labels" not in ways["metadata"]
    shown = wanting("one", "hostname")
    shown["status"]["loadBalancer"]["ingress"] = kube.published[0][1]
    balancer.see(Event("MODIFIED", shown))
    assert len(kube.published) == 1


def test_a_name_leads_to_the_same_address_after_a_restart(
    balancer: Balancer, kube: PaperKube, shell: AnyShell
) -> None:
    named = wanting("old", "hostname")
    named["status"]["loadBalancer"]["ingress"] = [{"hostname": "ip-10-0-0-8.balancer.test"}]
    kube.services.append(named)
    balancer.follow()
    assert shell.ran[-1][-1] == "address replace 10.0.0.8/32 dev eth0\n"
    assert kube.published == []


def wanting(name: str, kind: str) -> Manifest:
    made = service(name)
    made["metadata"]["annotations"] = {ADDRESS_ANNOTATION: kind}
    made["spec"] |= {"selector": {"app": name}, "ports": [{"port": 15443, "nodePort": 30000}]}
    return made
