"""What a cloud does for its clusters: cluster DNS, and addresses for LoadBalancer Services.

Run as ``python -m harness.providers.embedded.cloud CONFIG`` in the router's namespace, from
where it reaches every API server; one process for all clusters of a lab.
"""

import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from harness.converge import concurrently
from harness.kube import Kube
from harness.providers.embedded.control import ControlClient
from harness.providers.embedded.processes import shell_in
from harness.providers.fabric import dns
from harness.providers.fabric.balancer import Balancer
from harness.providers.fabric.retry import await_health, persist
from harness.tools.ip import Ip

#: What the node's images call cluster DNS.
DNS_IMAGE = "coredns:lab"


class Tenant(BaseModel):
    """A cluster that the cloud serves; ``node`` answers for its ``pool`` of addresses.

    Cluster DNS answers at ``dns`` for names of ``domain``; ``stage`` is what the supervisor starts
    when the API server is healthy.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    cluster: str
    kubeconfig: Path
    dns: str
    domain: str
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


@dataclass(frozen=True, slots=True)
class NodeAddresses:
    """The addresses that a node answers for; ``ip`` runs in its namespace."""

    ip: Ip

    def hold(self, address: str) -> None:
        """Answer for ``address`` from now on."""
        self.ip.batch([f"address replace {address}/32 dev eth0"])

    def drop(self, address: str) -> None:
        """Answer for ``address`` no more."""
        self.ip.batch([f"address delete {address}/32 dev eth0"])


def serve(tenant: Tenant, control: Path) -> None:
    """Serve one cluster for as long as the lab lives; its API server may come and go.

    Controllers are started here, when the API server is wholly healthy: earlier, they would
    look once, find it lacking a default role, and look again only after a second.
    """
    kube = Kube(tenant.kubeconfig)
    holder = NodeAddresses(Ip(shell_in(tenant.node)))
    balancer = Balancer(tenant.cluster, tenant.pool, kube, holder)
    await_health(kube, tenant.cluster)
    with ControlClient(control) as supervisor:
        supervisor.start(tenant.stage)
    for manifest in dns.manifests(tenant.dns, DNS_IMAGE, tenant.domain):
        persist(tenant.cluster, partial(kube.apply, manifest), again=False)
    persist(tenant.cluster, balancer.follow, again=True)


def main() -> None:
    """Serve every cluster of the configuration, a thread each."""
    config = CloudConfig.read(Path(sys.argv[1]))
    concurrently(lambda tenant: serve(tenant, config.control), config.tenants)


if __name__ == "__main__":
    main()
