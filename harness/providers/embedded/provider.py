"""The embedded provider: real Kubernetes as plain processes, no container engine, no root."""

import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from harness.converge import Budget, eventually
from harness.model import Lab, MachineError, NetworkPlan, Topology, plan_networks
from harness.model.topology import DataPlane
from harness.phases import Phases
from harness.providers.base import Capture, Machine, RaiseOptions
from harness.providers.embedded import fabric, images, supplies
from harness.providers.embedded.bring_up import NAME, raise_lab, raze, reap
from harness.providers.embedded.control import ControlClient
from harness.providers.embedded.evidence import evidence
from harness.providers.embedded.layout import agent_name
from harness.providers.embedded.machines import raised
from harness.providers.embedded.routes import machine_routes, pod_routes
from harness.providers.embedded.spec import ROUTER, Daemon
from harness.providers.fabric import host, sniffer
from harness.providers.fabric.cut_sessions import Cuts, changed
from harness.providers.fabric.pcap import Owners, Recording
from harness.providers.fabric.state import State

_SOON = Budget(timeout=10.0, interval=0.01)
_SNIFFER = Path(sniffer.__file__)


class EmbeddedProvider(Cuts):
    """Raises labs on this machine, each in a namespace tree of its own.

    Every capability is a visit to the lab's supervisor, which undoes the change when the
    visit ends: by leaving the context, or by the end of the process that made it.
    """

    name = NAME

    def lacks(self) -> Sequence[str]:
        """Say what this machine lacks to raise labs, each with its remedy; empty if nothing."""
        return host.lacks()

    @property
    def data_planes(self) -> Set[DataPlane]:
        """Sidecars: ztunnel comes as an image, and looks after pods by namespaces of the host."""
        return {DataPlane.SIDECAR}

    def refuses(self, topology: Topology, options: RaiseOptions) -> Sequence[str]:
        """Say which versions and images it cannot have."""
        clusters = plan_networks(topology).clusters
        return [*supplies.unavailable(clusters, options), *images.refused(options.images)]

    def incidents(self, lab: Lab, since: float) -> Sequence[str]:
        """Say which programs of the lab have ended by themselves since a moment."""
        with _visit(lab) as control:
            return control.incidents(since)

    def stands(self, lab: Lab) -> bool:
        """Say whether the lab is still there."""
        return _state(lab).alive()

    def up(
        self, topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions
    ) -> Lab:
        """Build the lab; return when every API server answers."""
        if missing := self.lacks():
            raise MachineError("this machine cannot hold labs: " + "; ".join(missing))
        found = supplies.gathered(plan, options, phases)
        with phases.phase("API servers"):
            return raise_lab(topology, plan, found, keep=options.keep)

    def down(self, lab: Lab) -> None:
        """Take the lab down. Harmless if it is down already, or only half there."""
        raze(_state(lab))

    def reap(self) -> Sequence[str]:
        """Remove what is left of labs whose supervisor is gone; return their ids."""
        return reap()

    @contextmanager
    def pod_routes(self, lab: Lab, *, one: str, other: str) -> Iterator[None]:
        """Route the pod ranges of both clusters to each other, unmasqueraded."""
        with changed(lab, pod_routes(lab.plan, one=one, other=other)):
            yield

    @contextmanager
    def machine_routes(self, lab: Lab, *, cluster: str, machine: str) -> Iterator[None]:
        """Route a cluster's pods and the machine at an address to each other."""
        with changed(lab, machine_routes(lab.plan, cluster=cluster, machine=machine)):
            yield

    @contextmanager
    def node_paused(self, lab: Lab, *, cluster: str, node: str) -> Iterator[None]:
        """Stop all of the node's pods and its node agent, without ending them."""
        if node not in {known.name for known in lab.plan_of(cluster).nodes}:
            raise MachineError(f"cluster {cluster} has no node {node}")
        with _visit(lab) as control:
            control.freeze(agent_name(node))
            yield

    @contextmanager
    def capture(self, lab: Lab) -> Iterator[Capture]:
        """Record everything that passes between nodes of different clusters."""
        mark = token_hex(4)
        path = Path(lab.state_dir) / f"{mark}.pcap"
        command = (sys.executable, "-I", "-S", str(_SNIFFER), str(path), "in")
        wires = tuple(fabric.ports(lab.plan).values())
        try:
            with _visit(lab) as control:
                name = f"sniffer-{mark}"
                control.borrow(Daemon(name=name, namespace=ROUTER, argv=(*command, *wires)))
                _listening(path)
                yield Recording([path.read_bytes], Owners(lab.plan))
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def machine(
        self, lab: Lab, *, network: str, name: str, images: Sequence[str] = ()
    ) -> Iterator[Machine]:
        """Run a namespace on a network of the lab that is no node of any cluster."""
        with _visit(lab) as control:
            yield raised(control, lab, network=network, name=name, images=images)

    def evidence(self, lab: Lab) -> Mapping[str, str]:
        """Return file names and (redacted) contents: logs of API servers, nodes, fabric."""
        return evidence(lab)

    @contextmanager
    def api_killed(self, lab: Lab, *, cluster: str) -> Iterator[None]:
        """Kill the API server of one cluster, and start it again on the way out."""
        name = f"{cluster}-kube-apiserver"
        with _visit(lab) as control:
            control.kill(name)
            eventually(
                control.states,
                lambda seen: seen[name] is not None,
                what=f"{name} has ended",
                budget=_SOON,
            )
            yield


def _state(lab: Lab) -> State:
    return State(Path(lab.state_dir))


def _visit(lab: Lab) -> ControlClient:
    return ControlClient(_state(lab).control)


def _listening(path: Path) -> None:
    eventually(path.exists, bool, what="the capture has begun", budget=_SOON)
