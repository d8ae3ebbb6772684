"""The kind provider: each cluster by the ``kind`` command, networks as Docker networks."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from ipaddress import IPv4Network
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from harness import artifacts
from harness.artifacts import supply
from harness.artifacts.manifest import digest
from harness.model import (
    ClusterPlan,
    ConfigError,
    Lab,
    MachineError,
    NetworkPlan,
    Program,
    Topology,
)
from harness.model.images import Archive, ImageTable, Reference, plain
from harness.model.plan import plan_networks
from harness.model.topology import GatewayServiceType
from harness.phases import Phases
from harness.providers.base import Capture, Machine, RaiseOptions
from harness.providers.fabric.control_client import ControlClient
from harness.providers.fabric.cut_sessions import Cuts, changed
from harness.providers.fabric.images import workloads
from harness.providers.fabric.pcap import Owners, Recording
from harness.providers.fabric.state import State
from harness.providers.kind import KIND_VARIABLE, capture, logs
from harness.providers.kind.bring_up import Means, raise_lab, raze
from harness.providers.kind.containers import ContainerShell
from harness.providers.kind.contents import contents
from harness.providers.kind.machines import ContainerMachine
from harness.providers.kind.naming import LAB_LABEL
from harness.providers.kind.networks import routes, subnets
from harness.providers.kind.reservations import release, reserve
from harness.providers.kind.spec import KindSpec
from harness.providers.kind.teardown import NAME, reap
from harness.providers.kind.wires import Wires
from harness.providers.offline import api as offline
from harness.providers.offline.api import Engine
from harness.shell import LocalShell
from harness.tools.kind import Kind

#: Seconds for an engine to start containers, at the very most: that of its own client.
_ENGINE = 150.0


class KindProvider(Cuts):
    """Raises labs as kind clusters on a container engine.

    Every capability is a visit to the lab's guardian, which undoes the change when the visit
    ends: by leaving the context, or by the end of the process that made it.
    """

    name = NAME

    def lacks(self) -> Sequence[str]:
        """Say what this machine lacks to raise labs, each with its remedy; empty if nothing."""
        return offline.lacks()

    def plan(self, topology: Topology) -> NetworkPlan:
        """Return a plan whose networks lie where nothing else lies on the engine.

        No other run of this machine gets them, until the lab is up or this process ends.
        """
        found = offline.find_engine()
        declared = all(network.cidr for network in topology.networks)
        if found is None or declared:  # what is wrong is said where a lab is to be raised
            return plan_networks(topology)
        ours = found.pid is not None
        here = [] if ours else list(routes(Path("/proc/net/route").read_text()))
        with closing(found.client()) as client:

            def used() -> Iterator[IPv4Network]:
                yield from here
                yield from subnets(each.attrs for each in client.networks.list())

            return plan_networks(topology, block=reserve(used))

    def refuses(self, topology: Topology, options: RaiseOptions) -> Sequence[str]:
        """Say which versions and images it cannot have, and what its networks cannot be."""
        return [
            *(
                f"gateway {gateway.name!r} of cluster {gateway.cluster!r} is reached at nodes:"
                " those of kind have no address for others (ExternalIP); use --provider embedded"
                for gateway in topology.gateways or ()
                if gateway.type is GatewayServiceType.NODE_PORT
            ),
            *_unavailable(plan_networks(topology), options),
            *_out_of_reach(options.images),
        ]

    def stands(self, lab: Lab) -> bool:
        """Say whether the guardian and every node are still there."""
        place = State(Path(lab.state_dir))
        if not place.alive():
            return False
        nodes = set(KindSpec.read(place).containers.values())
        try:
            with _client(lab) as client:
                mine = {"label": f"{LAB_LABEL}={lab.id}", "status": "running"}
                running = {each.name for each in client.containers.list(filters=mine)}
        except (DockerException, RequestException):
            return False
        return nodes <= running

    def up(
        self, topology: Topology, plan: NetworkPlan, phases: Phases, options: RaiseOptions
    ) -> Lab:
        """Build the lab; return when every API server answers."""
        if missing := self.lacks():
            raise MachineError("this machine cannot hold kind labs: " + "; ".join(missing))
        found = offline.find_engine()
        if found is None:
            raise MachineError("the container engine has just ended", "meshproof engine up")
        kind = kind_program(phases)
        had = _images(found, plan, options, phases)
        inside = dict.fromkeys(program for each in had.values() for program in each.programs)
        programs = (kind.program, _described(found), *inside)
        # What a mesh has for machines is not made where there are none.
        mesh = options.images if topology.machines else {}
        inventory = contents({**workloads(), **mesh}, phases)
        means = Means(found, had, kind.path, programs, phases, inventory)
        try:
            with phases.phase("kind clusters"):
                return raise_lab(topology, plan, means, keep=options.keep)
        finally:
            release(plan)

    def down(self, lab: Lab) -> None:
        """Take the lab down. Harmless if it is down already, or only half there."""
        raze(State(Path(lab.state_dir)))

    def reap(self) -> Sequence[str]:
        """Remove what is left of labs whose guardian is gone; return their ids."""
        return reap()

    @contextmanager
    def pod_routes(self, lab: Lab, *, one: str, other: str) -> Iterator[None]:
        """Route the pod ranges of both clusters to each other, unmasqueraded."""
        wires = Wires(lab.plan, _spec(lab).transit)
        with changed(lab, wires.pod_routes(one=one, other=other)):
            yield

    @contextmanager
    def node_paused(self, lab: Lab, *, cluster: str, node: str) -> Iterator[None]:
        """Stop all that runs on the node, without ending it.

        A cluster's first node holds its control plane, too, which is silent meanwhile.
        """
        if node not in {known.name for known in lab.plan_of(cluster).nodes}:
            raise MachineError(f"cluster {cluster} has no node {node}")
        with _visit(lab) as control:
            control.freeze(node)
            yield

    @contextmanager
    def capture(self, lab: Lab) -> Iterator[Capture]:
        """Record everything that passes between nodes of different clusters."""
        with _visit(lab) as control, _client(lab) as client:
            helpers: list[str] = control.ask("listen", patience=_ENGINE)
            yield Recording(capture.readers(client, helpers), Owners(lab.plan))

    @contextmanager
    def machine(
        self, lab: Lab, *, network: str, name: str, images: Sequence[str] = ()
    ) -> Iterator[Machine]:
        """Run a container on a network of the lab that is no node of any cluster."""
        wanted = [_known(lab, image) for image in images]
        with _visit(lab) as control, _client(lab) as client:
            made: Mapping[str, str] = control.ask(
                "machine", patience=_ENGINE, network=network, name=name, images=wanted
            )
            shell = ContainerShell(client, made["container"])
            yield ContainerMachine(name, made["address"], shell)

    def evidence(self, lab: Lab) -> Mapping[str, str]:
        """Return file names and (redacted) contents: logs and state of nodes, of the guardian."""
        return logs.evidence(lab)


def _known(lab: Lab, image: str) -> str:
    """Return an image's name as the lab has noted it; :class:`MachineError` if it has not."""
    known = {plain(name): name for name in _spec(lab).contents}
    if plain(image) not in known:
        raise MachineError(f"machines of this lab cannot have what is in image {image}")
    return known[plain(image)]


def _spec(lab: Lab) -> KindSpec:
    return KindSpec.read(State(Path(lab.state_dir)))


def _client(lab: Lab) -> AbstractContextManager[DockerClient]:
    return closing(_spec(lab).engine.client())


def _visit(lab: Lab) -> ControlClient:
    return ControlClient(State(Path(lab.state_dir)).control)


def kind_program(phases: Phases) -> artifacts.Artifact:
    """Return the kind command: the user's own, or that of the artifacts."""
    chosen = os.environ.get(KIND_VARIABLE)
    if not chosen:
        return artifacts.ensure(("kind",), phases)["kind"]
    path = Path(chosen).absolute()
    if not os.access(path, os.X_OK):
        raise ConfigError(KIND_VARIABLE, [f"{path} is no program that can be run"])
    version = Kind(path, LocalShell()).version()
    program = Program(
        name="kind", version=version, source="system", sha256=digest(path), note=str(path)
    )
    return artifacts.Artifact(program, path)


def _versions(cluster: ClusterPlan, options: RaiseOptions) -> dict[str, str]:
    version = cluster.kubernetes or options.kubernetes
    return {"kubernetes": version} if version else {}


def _images(
    found: Engine, plan: NetworkPlan, options: RaiseOptions, phases: Phases
) -> dict[str, offline.Images]:
    """Return the images of each cluster; clusters of one Kubernetes have the same."""
    had: dict[str, offline.Images] = {}
    known: dict[tuple[str, ...], offline.Images] = {}
    for cluster in plan.clusters:
        versions = _versions(cluster, options)
        key = tuple(versions.values())
        if key not in known:
            known[key] = offline.ensure_images(
                found, phases, mesh=options.images, versions=versions
            )
        had[cluster.name] = known[key]
    return had


def _unavailable(plan: NetworkPlan, options: RaiseOptions) -> list[str]:
    """Say which versions of Kubernetes nobody has; a registry may have others than are made."""
    if offline.asked().source == "registry":
        return []
    asked = [_versions(cluster, options) for cluster in plan.clusters]
    return list(
        dict.fromkeys(each for one in asked for each in supply.unavailable(["kubelet"], one))
    )


def _out_of_reach(table: ImageTable) -> Iterator[str]:
    """Say which images no registry will be asked for, and which files are not there."""
    found = offline.find_engine()
    closed = found is not None and found.pid is not None and not offline.asked().prefix
    for name, source in table.items():
        if isinstance(source, Reference) and closed:
            yield f"image {name} is in a registry, and meshproof's own engine has no way to one"
        if isinstance(source, Archive) and not source.path.is_file():
            yield f"image {name}: there is no file {source.path}"


def _described(found: Engine) -> Program:
    whose = "meshproof's own" if found.pid is not None else "the machine's"
    return Program(
        name="docker-engine", version=found.version, source="system", sha256="", note=whose
    )
