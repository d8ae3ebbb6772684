"""Addresses for the LoadBalancer Services of one cluster, from a pool of its network's."""

from collections.abc import Sequence
from typing import Protocol

from harness.kube import Event, Kube, Manifest
from harness.phases import to_stderr


class Holder(Protocol):
    """Whoever answers for addresses: a node, as a rule."""

    def hold(self, address: str) -> None:
        """Answer for ``address`` from now on."""
        ...

    def drop(self, address: str) -> None:
        """Answer for ``address`` no more."""
        ...


class Addresses:
    """Who holds which address of a pool. An address stays with its Service until released."""

    def __init__(self, pool: Sequence[str]) -> None:
        self._pool = pool
        self._held: dict[str, str] = {}

    def owners(self) -> set[str]:
        """Return everyone who holds an address."""
        return set(self._held)

    def held_by(self, owner: str) -> str | None:
        """Return the address that ``owner`` holds."""
        return self._held.get(owner)

    def take(self, owner: str, wanted: Sequence[str] = ()) -> str | None:
        """Return the address of ``owner``, giving it a free one (a wanted one, if it can be)."""
        taken = set(self._held.values())
        free = [address for address in self._pool if address not in taken]
        chosen = [*(address for address in wanted if address in free), *free]
        if owner not in self._held and chosen:
            self._held[owner] = chosen[0]
        return self._held.get(owner)

    def release(self, owner: str) -> str | None:
        """Take the address of ``owner`` back and return it."""
        return self._held.pop(owner, None)


class Balancer:
    """Gives each LoadBalancer Service of one cluster an address of its node's network."""

    def __init__(self, cluster: str, pool: Sequence[str], kube: Kube, holder: Holder) -> None:
        self._cluster = cluster
        self._kube = kube
        self._holder = holder
        self._addresses = Addresses(pool)

    def follow(self) -> None:
        """Bring every Service into order, then follow changes until the watch ends."""
        present = {_uid(service) for service in self._kube.list("Service")}
        for owner in self._addresses.owners() - present:
            self._release(owner)
        for event in self._kube.watch("Service"):
            self.see(event)

    def see(self, event: Event) -> None:
        """Serve one change of a Service."""
        service = event.manifest
        if event.kind == "DELETED":
            self._release(_uid(service))
        elif event.kind in ("ADDED", "MODIFIED") and _wants_address(service):
            self._give(service)
        elif event.kind == "MODIFIED" and self._release(_uid(service)):
            self._publish(service, [])

    def _give(self, service: Manifest) -> None:
        owner = _uid(service)
        if not self._addresses.held_by(owner):
            wanted = [*_published(service), service["spec"].get("loadBalancerIP", "")]
            address = self._addresses.take(owner, wanted)
            if address is None:
                to_stderr(f"{self._cluster}: no address left for {_name(service)}")
                return
            self._holder.hold(address)
        held = self._addresses.held_by(owner)
        if held and _published(service) != [held]:
            self._publish(service, [{"ip": held, "ipMode": "VIP"}])

    def _release(self, owner: str) -> bool:
        address = self._addresses.release(owner)
        if address is None:
            return False
        self._holder.drop(address)
        return True

    def _publish(self, service: Manifest, ingress: list[Manifest]) -> None:
        meta = service["metadata"]
        patch = {"status": {"loadBalancer": {"ingress": ingress or None}}}
        self._kube.patch("Service", meta["name"], patch, meta["namespace"], subresource="status")


def _uid(service: Manifest) -> str:
    return str(service["metadata"]["uid"])


def _name(service: Manifest) -> str:
    return f"{service['metadata']['namespace']}/{service['metadata']['name']}"


def _wants_address(service: Manifest) -> bool:
    spec = service["spec"]
    leaving = "deletionTimestamp" in service["metadata"]
    return spec.get("type") == "LoadBalancer" and "loadBalancerClass" not in spec and not leaving


def _published(service: Manifest) -> list[str]:
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [entry["ip"] for entry in ingress if "ip" in entry]
