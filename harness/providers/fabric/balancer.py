"""Addresses for the LoadBalancer Services of one cluster, from a pool of its network's.

Clouds differ in what they give: an address, several, a name, or addresses of two families. An
annotation of the Service says which is wanted (:class:`~harness.model.topology.GatewayAddress`).
"""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Protocol

from harness.kube import Event, Kube, Manifest
from harness.model.plan import ADDRESS_ANNOTATION
from harness.model.topology import GatewayAddress
from harness.phases import to_stderr
from harness.providers.fabric.dns import balancer_address, balancer_name


class Holder(Protocol):
    """Whoever answers for addresses: a node, as a rule."""

    def hold(self, address: str) -> None:
        """Answer for ``address`` from now on."""
        ...

    def drop(self, address: str) -> None:
        """Answer for ``address`` no more."""
        ...


class Addresses:
    """Who holds which addresses of a pool. They stay with their Service until released."""

    def __init__(self, pool: Sequence[str]) -> None:
        self._pool = pool
        self._held: dict[str, tuple[str, ...]] = {}

    def owners(self) -> set[str]:
        """Return everyone who holds an address."""
        return set(self._held)

    def held_by(self, owner: str) -> tuple[str, ...]:
        """Return the addresses that ``owner`` holds."""
        return self._held.get(owner, ())

    def take(self, owner: str, wanted: Sequence[str] = (), *, count: int = 1) -> tuple[str, ...]:
        """Return the addresses of ``owner``, giving it free ones (wanted ones, if it can be).

        None at all if there are less than ``count``.
        """
        taken = {address for held in self._held.values() for address in held}
        free = [address for address in self._pool if address not in taken]
        chosen = dict.fromkeys([*(address for address in wanted if address in free), *free])
        if owner not in self._held and len(chosen) >= count:
            self._held[owner] = tuple(chosen)[:count]
        return self.held_by(owner)

    def release(self, owner: str) -> tuple[str, ...]:
        """Take the addresses of ``owner`` back and return them."""
        return self._held.pop(owner, ())


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
        owner, kind = _uid(service), _kind(service)
        if not self._addresses.held_by(owner):
            wanted = [*_before(service), service["spec"].get("loadBalancerIP", "")]
            count = 2 if kind is GatewayAddress.SEVERAL_IPS else 1
            if not self._addresses.take(owner, wanted, count=count):
                to_stderr(f"{self._cluster}: no address left for {_name(service)}")
                return
            for address in self._addresses.held_by(owner):
                self._holder.hold(address)
        held = self._addresses.held_by(owner)
        if kind is GatewayAddress.HOSTNAME:
            self._name_it(service, held[0])
            return
        shown = [*held, _beside(held[0])] if kind is GatewayAddress.DUAL_STACK else [*held]
        if _published(service) != shown:
            self._publish(service, [{"ip": address, "ipMode": "VIP"} for address in shown])

    def _name_it(self, service: Manifest, address: str) -> None:
        """Publish a name alone; a second Service is what nodes forward by (see :func:`_ways`)."""
        name = balancer_name(address)
        if [each.get("hostname") for each in _ingress(service)] != [name]:
            self._kube.apply(_ways(service, address))
            self._publish(service, [{"hostname": name}])

    def _release(self, owner: str) -> bool:
        addresses = self._addresses.release(owner)
        for address in addresses:
            self._holder.drop(address)
        return bool(addresses)

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


def _kind(service: Manifest) -> GatewayAddress:
    annotations = service["metadata"].get("annotations") or {}
    return GatewayAddress(annotations.get(ADDRESS_ANNOTATION, GatewayAddress.IP))


def _ingress(service: Manifest) -> list[Manifest]:
    return service.get("status", {}).get("loadBalancer", {}).get("ingress") or []


def _published(service: Manifest) -> list[str]:
    return [entry["ip"] for entry in _ingress(service) if "ip" in entry]


def _before(service: Manifest) -> list[str]:
    """Return the addresses that a Service was given, maybe by a name, before we came."""
    names = [str(entry["hostname"]) for entry in _ingress(service) if "hostname" in entry]
    return [*_published(service), *map(balancer_address, names)]


def _beside(address: str) -> str:
    """Return the IPv6 address (RFC 3849) that goes with one of IPv4: nobody answers for it."""
    return str(ip_address(int(ip_address("2001:db8::")) + int(ip_address(address))))


def _ways(service: Manifest, address: str) -> Manifest:
    """Return a Service by which nodes forward ``address``: kube-proxy knows no names.

    It has the same pods and ports, no labels, and goes with the Service that it stands for.
    """
    meta, spec = service["metadata"], service["spec"]
    owner = {"apiVersion": "v1", "kind": "Service", "name": meta["name"], "uid": meta["uid"]}
    ports = [
        {key: port[key] for key in ("name", "port", "protocol", "targetPort") if key in port}
        for port in spec["ports"]
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": f"{meta['name']}-balanced",
            "namespace": meta["namespace"],
            "ownerReferences": [owner],
        },
        "spec": {"selector": spec["selector"], "ports": ports, "externalIPs": [address]},
    }
