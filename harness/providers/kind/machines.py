"""A container as a machine of its own beside the clusters of a lab."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from tempfile import TemporaryFile

from docker import DockerClient

from harness.model import MachineError
from harness.providers.fabric.cuts import Change
from harness.providers.fabric.furnishing import first_process, furnish
from harness.providers.kind.containers import ContainerShell, connect, run_helper
from harness.providers.kind.networks import free_address
from harness.providers.kind.spec import KindSpec
from harness.providers.kind.wires import Wires
from harness.shell import Outcome


@dataclass(frozen=True, slots=True)
class ContainerMachine:
    """A machine that stands; what it runs is run in its container."""

    name: str
    address: str
    shell: ContainerShell

    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 120.0
    ) -> Outcome:
        """Run ``argv`` on the machine to completion, whatever its exit code."""
        return self.shell.run(argv, stdin=stdin, timeout=timeout)


@dataclass(slots=True)
class Machines:
    """Makes machines; used by one process per lab, as no address may be given twice."""

    client: DockerClient
    spec: KindSpec
    marks: Mapping[str, str]
    _held: set[str] = field(default_factory=set)
    _choosing: threading.Lock = field(default_factory=threading.Lock)

    def address(self, network: str, name: str) -> str:
        """Return the machine's planned address on ``network``, or one that nobody else gets."""
        plan = self.spec.plan
        if network not in {each.name for each in plan.networks}:
            raise MachineError(f"the lab has no network {network}")
        known = {each.name: each.address for each in plan.machines if each.network == network}
        return known.get(name) or self._free(plan.network(network).cidr)

    def between(self) -> str:
        """Return a free address between networks, which nobody else gets; empty on a single one."""
        return self._free(self.spec.transit_range) if self.spec.transit else ""

    def add(self, network: str, name: str, address: str, between: str) -> Sequence[Change]:
        """Start a machine at these addresses; return what nodes must know of it."""
        plan, names = self.spec.plan, self.spec.names
        container = run_helper(
            self.client,
            names.helper(f"machine-{name}"),
            self.spec.helper,
            first_process(),
            self.marks,
            hostname=name,
            network=names.network(network),
            networking_config={
                names.network(network): self.client.api.create_endpoint_config(ipv4_address=address)
            },
            cap_add=["NET_ADMIN", "NET_RAW"],
        )
        wires = Wires(plan, self.spec.transit)
        changes: Sequence[Change] = ()
        if between:
            connect(self.client, names.transit, container, between)
            changes = wires.way_back(network, address, between)
        shell = ContainerShell(self.client, container)
        shell.script(wires.machine(network, address), what="wires")
        furnish(name, address, shell.run)
        return changes

    def fill(self, container: str, images: Sequence[str]) -> None:
        """Put what is in the images on a machine, each file where a pod has it."""
        if absent := [name for name in images if name not in self.spec.contents]:
            raise MachineError(f"machines cannot have what is in image {', '.join(absent)}")
        for name in images:
            with TemporaryFile() as archive:
                self.spec.contents[name].pack(archive)
                archive.seek(0)
                self.client.api.put_archive(container, "/", archive)

    def _free(self, network: str) -> str:
        planned = self.spec.plan.clusters
        used = {node.address for cluster in planned for node in cluster.nodes}
        used |= {address for cluster in planned for address in cluster.load_balancers}
        used |= {machine.address for machine in self.spec.plan.machines}
        used |= set(self.spec.transit.values())
        with self._choosing:
            found = free_address(IPv4Network(network), [*used, *self._held])
            self._held.add(found)
        return found

    def forget(self, *addresses: str) -> None:
        """Let another machine have them."""
        self._held -= set(addresses)
