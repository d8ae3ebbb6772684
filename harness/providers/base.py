"""What a provider must do, and what it may offer beyond: one small Protocol each.

A provider's product is a set of kubeconfigs and addresses (a :class:`Lab`). What the
Kubernetes API cannot do is a capability: a separate Protocol, asked for with ``isinstance``;
a provider that lacks one makes the checks that need it *not-run* with the reason. Every
capability is a context manager that undoes itself, however it is left: also when the process that
entered it is killed. It works from any process that holds the lab (an xdist worker borrows it).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from harness.model import Lab, NetworkPlan, Topology, plan_networks
from harness.model.images import ImageTable
from harness.phases import Phases
from harness.shell import Outcome


@dataclass(frozen=True, slots=True)
class RaiseOptions:
    """How to raise a lab. ``keep``: it outlives its owner until ``down`` or ``meshproof reap``.

    ``kubernetes`` is the version of clusters that name none (empty: the default); ``images`` are
    those that pods of the mesh will name (``harness.meshes.base.Mesh.images``).
    """

    keep: bool = False
    kubernetes: str = ""
    images: ImageTable = field(default_factory=dict)


class Provider(Protocol):
    """Makes a topology exist, and makes it go away."""

    @property
    def name(self) -> str:
        """The value of ``--provider`` that selects it."""
        ...

    def up(
        self, topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions
    ) -> Lab:
        """Build the lab; return when every API server answers.

        Nodes, cluster DNS and pods may still be coming up. Cluster order follows the
        topology. A build that fails half-way leaves nothing behind.
        """
        ...

    def down(self, lab: Lab) -> None:
        """Take the lab down. Harmless if it is down already, or only half there."""
        ...

    def lacks(self) -> Sequence[str]:
        """Say what this machine lacks to raise labs, each with its remedy; empty if nothing."""
        ...


@runtime_checkable
class Refuses(Protocol):
    """Knows beforehand which labs it cannot raise."""

    def refuses(self, topology: Topology, options: RaiseOptions) -> Sequence[str]:
        """Say all that keeps it from this lab; asked before anything starts, so be quick."""
        ...


@runtime_checkable
class CanCutApi(Protocol):
    """Cuts the API server of one cluster off from everything in another cluster."""

    def api_cut(self, lab: Lab, *, client: str, server: str) -> AbstractContextManager[None]:
        """Drop packets, both ways and of open connections too, from ``client`` to ``server``."""
        ...


@runtime_checkable
class CanCutGateway(Protocol):
    """Cuts the east-west gateway addresses of one cluster off from another cluster."""

    def gateway_cut(self, lab: Lab, *, client: str, server: str) -> AbstractContextManager[None]:
        """Drop packets from ``client`` to the gateway addresses of ``server``."""
        ...


@runtime_checkable
class CanKillApi(Protocol):
    """Ends the API server of one cluster, as a crash does."""

    def api_killed(self, lab: Lab, *, cluster: str) -> AbstractContextManager[None]:
        """Kill the API server; it is started again, with all that it knew, on the way out."""
        ...


@runtime_checkable
class CanPartition(Protocol):
    """Cuts two clusters off from each other altogether."""

    def partition(self, lab: Lab, *, one: str, other: str) -> AbstractContextManager[None]:
        """Drop every packet between the two, both ways."""
        ...


@runtime_checkable
class CanPauseNode(Protocol):
    """Freezes everything that runs on a node."""

    def node_paused(self, lab: Lab, *, cluster: str, node: str) -> AbstractContextManager[None]:
        """Stop all of the node's pods and its node agent, without ending them."""
        ...


@runtime_checkable
class CanRoutePods(Protocol):
    """Opens the direct path between the pods of two clusters that networks keep apart."""

    def pod_routes(self, lab: Lab, *, one: str, other: str) -> AbstractContextManager[None]:
        """Route the pod ranges of both clusters to each other, unmasqueraded."""
        ...


@runtime_checkable
class CanRouteMachines(Protocol):
    """Opens the direct path between pods and a machine that networks keep apart."""

    def machine_routes(
        self, lab: Lab, *, cluster: str, machine: str
    ) -> AbstractContextManager[None]:
        """Route a cluster's pods and the machine at an address to each other."""
        ...


@dataclass(frozen=True, slots=True)
class Flow:
    """Packets of one direction between two addresses on the way between networks.

    ``protocol`` is ``tcp``, ``udp``, ``icmp`` or ``other``; ports are 0 where there are none.
    """

    source: str
    target: str
    protocol: str
    source_port: int
    target_port: int
    packets: int


class Capture(Protocol):
    """What was on the wire between clusters since the capture began. Reading may be repeated."""

    def flows(self) -> Sequence[Flow]:
        """Return every flow seen so far."""
        ...

    def contains(self, token: bytes) -> bool:
        """Say whether any packet seen so far carried ``token`` in clear."""
        ...


@runtime_checkable
class CanCapture(Protocol):
    """Looks at the wire between the clusters of a lab."""

    def capture(self, lab: Lab) -> AbstractContextManager[Capture]:
        """Record everything that passes between nodes of different clusters."""
        ...


@runtime_checkable
class HasEvidence(Protocol):
    """Has logs and states of its own that explain a failure."""

    def evidence(self, lab: Lab) -> Mapping[str, str]:
        """Return file names and (redacted) contents: logs of API servers, nodes, fabric."""
        ...


@runtime_checkable
class KnowsItsLabs(Protocol):
    """Can tell whether a lab of an earlier run still stands (else: its API servers are asked)."""

    def stands(self, lab: Lab) -> bool:
        """Say whether every cluster of ``lab`` is still there."""
        ...


@runtime_checkable
class TellsIncidents(Protocol):
    """Can tell what broke of a lab that nobody meant to break: no mesh is to be blamed for it."""

    def incidents(self, lab: Lab, since: float) -> Sequence[str]:
        """Say what has broken since a moment (seconds, Unix time), a sentence each; oldest first.

        What a check breaks by a capability of the provider is none.
        """
        ...


class Machine(Protocol):
    """A machine beside the clusters of a lab, with a shell and python3; programs run as root.

    What is started there and goes on (in the background of a shell) ends with the machine.
    """

    @property
    def name(self) -> str:
        """Its host name."""
        ...

    @property
    def address(self) -> str:
        """Its address on its network."""
        ...

    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 120.0
    ) -> Outcome:
        """Run ``argv`` on the machine to completion, whatever its exit code; from any thread."""
        ...


@runtime_checkable
class CanAddMachine(Protocol):
    """Puts a machine that is no node of any cluster on a network of the lab."""

    def machine(
        self, lab: Lab, *, network: str, name: str, images: Sequence[str] = ()
    ) -> AbstractContextManager[Machine]:
        """Start a machine that reaches what anybody on ``network`` reaches, pods included.

        One that the plan knows by this name has the address planned for it. What is in
        ``images``, by the names that pods of the lab call them, is on it, each where a pod has it.
        """
        ...


@runtime_checkable
class PlansNetworks(Protocol):
    """Chooses where the networks of its labs lie, as other labs may lie beside them."""

    def plan(self, topology: Topology) -> NetworkPlan:
        """Return the network plan with which ``topology`` can be raised now."""
        ...


@runtime_checkable
class Reaps(Protocol):
    """Finds what is left of labs whose end nobody saw to."""

    def reap(self) -> Sequence[str]:
        """Remove what is left of labs that nobody holds any more; return their ids."""
        ...


def planned(provider: Provider, topology: Topology) -> NetworkPlan:
    """Return the plan by which ``provider`` is to raise ``topology``."""
    if isinstance(provider, PlansNetworks):
        return provider.plan(topology)
    return plan_networks(topology)


#: What a need of the catalogue means in terms of a capability.
CAPABILITIES: Mapping[str, type] = {
    "api-cut": CanCutApi,
    "capture": CanCapture,
    "gateway-cut": CanCutGateway,
    "machine": CanAddMachine,
    "node-pause": CanPauseNode,
    "packet-counters": CanCapture,
    "partition": CanPartition,
    "pod-routes": CanRoutePods,
}


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A provider that ships with the harness: how to make it, and one line about it."""

    make: Callable[[], Provider]
    summary: str = field(default="")
