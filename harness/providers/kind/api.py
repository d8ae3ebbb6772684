"""For clusters that somebody makes by hand on an engine, as a benchmark does: all that kind shows.

They are noted like a lab and carry its labels, so that `meshproof reap` finds what a killed run
leaves behind.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from docker.models.containers import Container

from harness import shell
from harness.model import ClusterPlan, Lab, MachineError, NetworkPlan
from harness.model.images import ImageTable
from harness.phases import Phases
from harness.providers.fabric import state
from harness.providers.fabric.state import State
from harness.providers.kind import egress
from harness.providers.kind.bring_up import kind_command, noted, raze
from harness.providers.kind.containers import ContainerShell, labels, make_network
from harness.providers.kind.naming import LAB_LABEL
from harness.providers.kind.networks import NetworkSpec
from harness.providers.kind.provider import kind_program
from harness.providers.kind.spec import KindSpec
from harness.providers.kind.teardown import NAME
from harness.providers.offline import api as offline
from harness.providers.offline.api import Images
from harness.tools.kind import Kind

__all__ = ["NAME", "Bench", "bench", "client_of", "containers_of"]


@dataclass(frozen=True, slots=True)
class Bench:
    """An engine and what is at hand on it. ``stack`` ends what has been started."""

    place: State
    spec: KindSpec
    client: DockerClient
    images: Images
    stack: ExitStack

    @property
    def plan(self) -> NetworkPlan:
        """The plan that the clusters are to follow."""
        return self.spec.plan

    def network(self, name: str) -> str:
        """Return what the engine calls a network."""
        return self.spec.names.network(name)

    def make_network(self, name: str, subnet: str, gateway: str) -> None:
        """Make a Docker network; where there is a way out of it, close it."""
        spec = NetworkSpec(self.network(name), subnet, self.spec.names.bridge(1), gateway)
        make_network(self.client, spec, labels(self.place) | egress.marks(self.spec))
        if self.spec.guarded:
            egress.close(self.client, self.spec.names, self.spec.helper)

    def cluster(self, cluster: ClusterPlan) -> str:
        """Return what kind calls a cluster."""
        return self.spec.names.cluster(self.plan, cluster)

    def container(self, cluster: ClusterPlan) -> str:
        """Return the container of a cluster's first node."""
        return self.spec.containers[cluster.nodes[0].name]

    def shell(self, cluster: ClusterPlan) -> ContainerShell:
        """Return a shell on a cluster's first node."""
        return ContainerShell(self.client, self.container(cluster))

    def kind(self, network: str) -> Kind:
        """Return the kind command, whose nodes are on ``network``."""
        path = kind_program(Phases(say=lambda _: None)).path
        return kind_command(self.place, self.spec, path, network=network, addresses={})


@contextmanager
def bench(plan: NetworkPlan, mesh: ImageTable) -> Iterator[Bench]:
    """Have everything at hand for clusters by hand; afterwards nothing is left of them."""
    found = offline.find_engine()
    if found is None:
        raise MachineError("no container engine answers", "meshproof engine up")
    images = offline.ensure_images(found, Phases(say=lambda _: None), mesh=mesh)
    place = state.new()
    try:
        place.make(NAME)
        with closing(found.client()) as client, ExitStack() as stack:
            spec = noted(place, plan, found, images)
            spec.write(place)
            borrower = shell.start(
                "borrower",
                ["tail", f"--pid={os.getpid()}", "--follow", "/dev/null"],
                output=place.logs / "borrower.log",
            )
            stack.callback(borrower.end)
            offline.lend_settings(found, borrower.pid)
            yield Bench(place, spec, client, images, stack)
    finally:
        raze(place)


def client_of(lab: Lab) -> AbstractContextManager[DockerClient]:
    """Return a client of the engine that a kind lab is on."""
    return closing(KindSpec.read(State(Path(lab.state_dir))).engine.client())


def containers_of(client: DockerClient, lab: str) -> list[Container]:
    """Return every container of a lab that runs."""
    found: list[Container] = client.containers.list(filters={"label": f"{LAB_LABEL}={lab}"})
    return found
