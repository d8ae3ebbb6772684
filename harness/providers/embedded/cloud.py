"""What a cloud does for its clusters: cluster DNS, and addresses for LoadBalancer Services.

Run as ``python -m harness.providers.embedded.cloud CONFIG`` in the router's namespace, from
where it reaches every API server; one process for all clusters of a lab.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from harness.converge import Budget, concurrently, eventually
from harness.kube import Event, Kube, Manifest
from harness.model import ApiError, ToolError
from harness.phases import to_stderr
from harness.providers.embedded import dns
from harness.providers.embedded.control import Control
from harness.providers.embedded.processes import shell_in
from harness.tools.ip import Ip

_FOREVER = Budget(timeout=86400.0, interval=0.1)


class Tenant(BaseModel):
    """A cluster that the cloud serves; ``node`` answers for its ``pool`` of addresses.

    ``stage`` is what the supervisor starts when the API server is healthy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    cluster: str
    kubeconfig: Path
    dns: str
    node: str
    stage: str
    pool: tuple[str, ...]


class CloudConfig(BaseModel):
    """Every cluster of a lab, and the socket of its supervisor."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    control: Path
    tenants: tuple[Tenant, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the file that the provider wrote."""
        return cls.model_validate_json(path.read_bytes())


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

    def __init__(self, tenant: Tenant, kube: Kube, ip: Ip) -> None:
        self._tenant = tenant
        self._kube = kube
        self._ip = ip
        self._addresses = Addresses(tenant.pool)

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
                to_stderr(f"{self._tenant.cluster}: no address left for {_name(service)}")
                return
            self._ip.batch([f"address replace {address}/32 dev eth0"])
        held = self._addresses.held_by(owner)
        if held and _published(service) != [held]:
            self._publish(service, [{"ip": held, "ipMode": "VIP"}])

    def _release(self, owner: str) -> bool:
        address = self._addresses.release(owner)
        if address is None:
            return False
        self._ip.batch([f"address delete {address}/32 dev eth0"])
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


def serve(tenant: Tenant, control: Path) -> None:
    """Serve one cluster for as long as the lab lives; its API server may come and go.

    Controllers are started here, when the API server is wholly healthy: earlier, they would
    look once, find it lacking a default role, and look again only after a second.
    """
    kube = Kube(tenant.kubeconfig)
    balancer = Balancer(tenant, kube, Ip(shell_in(tenant.node)))
    eventually(
        lambda: _healthy(kube),
        bool,
        what=f"the API server of {tenant.cluster} is healthy",
        budget=_FOREVER,
    )
    with Control(control) as supervisor:
        supervisor.start(tenant.stage)
    for manifest in dns.manifests(tenant.dns):
        _persist(tenant, partial(kube.apply, manifest), again=False)
    _persist(tenant, balancer.follow, again=True)


def _healthy(kube: Kube) -> bool:
    try:
        return kube.request("GET", "/healthz").status == 200
    except ApiError:
        return False


def _persist(tenant: Tenant, work: Callable[[], object], *, again: bool) -> None:
    """Do ``work`` until the API server lets it succeed; ``again``: and then for ever."""

    said = ""

    def done() -> bool:
        nonlocal said
        try:
            work()
        except (ApiError, ToolError) as error:
            if said != str(error):
                said = str(error)
                to_stderr(f"{tenant.cluster}: {error}")
            return False
        return not again

    eventually(done, bool, what=f"the cloud of {tenant.cluster} is done", budget=_FOREVER)


def main() -> None:
    """Serve every cluster of the configuration, a thread each."""
    config = CloudConfig.read(Path(sys.argv[1]))
    concurrently(lambda tenant: serve(tenant, config.control), config.tenants)


if __name__ == "__main__":
    main()
