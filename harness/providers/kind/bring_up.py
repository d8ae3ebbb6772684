"""Raising a kind lab and razing it: the part of the provider that works on the engine."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from docker import DockerClient

from harness.converge import Budget, concurrently
from harness.model import (
    Cluster,
    ClusterPlan,
    Lab,
    MachineError,
    NetworkPlan,
    Program,
    Topology,
)
from harness.phases import Phases
from harness.providers.fabric import holder, host
from harness.providers.fabric.raising import Built, Frame
from harness.providers.fabric.state import State
from harness.providers.kind import docker_wrapper, egress
from harness.providers.kind.clusters import Maker
from harness.providers.kind.containers import labels, make_network
from harness.providers.kind.contents import Contents
from harness.providers.kind.naming import LAB_VARIABLE, Names
from harness.providers.kind.networks import (
    specs,
    subnets,
    transit_addresses,
    transit_range,
)
from harness.providers.kind.spec import KindSpec
from harness.providers.kind.teardown import NAME, clear, reap
from harness.providers.offline import api as offline
from harness.providers.offline.api import Engine, Images
from harness.shell import LocalShell
from harness.tools.kind import Kind

_BOOT = Budget(timeout=60.0, interval=0.02, firm=True)
_END = Budget(timeout=20.0, interval=0.01, firm=True)


@dataclass(frozen=True, slots=True)
class Means:
    """What a lab is raised with: an engine, images, the kind command, what the report lists.

    ``images`` are by cluster, as each may be of a Kubernetes of its own; ``contents`` are what
    machines may have of them.
    """

    engine: Engine
    images: Mapping[str, Images]
    kind: Path
    programs: Sequence[Program]
    phases: Phases
    contents: Mapping[str, Contents] = field(default_factory=dict)


def raise_lab(topology: Topology, plan: NetworkPlan, means: Means, *, keep: bool) -> Lab:
    """Build a lab; return when every API server answers. A failure leaves nothing behind."""

    def build(place: State) -> Built:
        with closing(means.engine.client()) as client:
            spec = _spec(place, plan, means, client)
            spec.write(place)
            ports = _hold(place, spec)
            with means.phases.phase("networks"):
                _networks(client, place, spec)
            clusters = _clusters(client, place, spec, means, ports)
            holder.wait_ready(place, _BOOT)
        return Built(clusters, means.programs)

    return Frame(NAME, reap, raze).raised(topology, plan, build, keep=keep)


def _scratch(place: State) -> Path:
    """Return where kind puts what it carries into nodes: it is killed rather than ended."""
    return place.path / "tmp"


def _spec(place: State, plan: NetworkPlan, means: Means, client: DockerClient) -> KindSpec:
    transit = transit_range(plan, subnets(each.attrs for each in client.networks.list()))
    between = transit_addresses(plan, transit)
    return noted(place, plan, means.engine, next(iter(means.images.values()))).model_copy(
        update={
            "contents": means.contents,
            "transit": between,
            "transit_range": str(transit) if between else "",
        }
    )


def noted(place: State, plan: NetworkPlan, engine: Engine, images: Images) -> KindSpec:
    """Return what is noted of a lab, so far without a network between its networks."""
    return KindSpec(
        lab=place.id,
        engine_url=engine.url,
        engine_pid=engine.pid,
        engine_version=engine.version,
        engine_api=engine.api,
        plan=plan,
        containers=Names(place.id).containers(plan),
        transit={},
        helper=images.helper,
        guarded=egress.has_way_out(engine),
    )


def _hold(place: State, spec: KindSpec) -> Mapping[str, int]:
    """Start the guardian; return the ports of this machine behind which it has API servers."""
    carried = spec.plan if spec.engine.inside() else spec.plan.model_copy(update={"clusters": ()})
    env = {**holder.environment(host.search_path()), **_docker_settings()}
    argv = [sys.executable, "-m", "harness.providers.kind.guardian", str(place.path)]
    with holder.lease(carried) as lease:
        lease.start(place, "guardian", argv, env)
        return lease.ports


def _docker_settings() -> dict[str, str]:
    """Return what tells Docker's programs how to speak to the user's engine.

    Certificates are named even where they lie in their usual place, below a home directory that
    the guardian does not have.
    """
    told = {name: value for name, value in os.environ.items() if name.startswith("DOCKER_")}
    if told.get("DOCKER_TLS_VERIFY") and not told.get("DOCKER_CERT_PATH"):
        told["DOCKER_CERT_PATH"] = str(Path.home() / ".docker")
    return told


def _networks(client: DockerClient, place: State, spec: KindSpec) -> None:
    """Make the networks; where there is a way out, close it before anything is on them."""
    between = IPv4Network(spec.transit_range) if spec.transit_range else None
    marks = labels(place) | egress.marks(spec)
    for network in specs(spec.names, spec.plan, between):
        make_network(client, network, marks)
    if spec.guarded:
        egress.close(client, spec.names, spec.helper)


def _clusters(
    client: DockerClient, place: State, spec: KindSpec, means: Means, ports: Mapping[str, int]
) -> list[Cluster]:
    maker = Maker(
        place=place,
        spec=spec,
        client=client,
        kind=lambda cluster: _kind(place, spec, means, cluster),
        images=means.images,
        phases=means.phases,
        ports=ports,
    )
    try:
        return concurrently(maker.cluster, list(spec.plan.clusters))
    except BaseException:
        maker.given_up.set()  # those who are at work are ended with the rest
        raise


def _kind(place: State, spec: KindSpec, means: Means, cluster: ClusterPlan) -> Kind:
    """Return the kind command with an environment of its own for one cluster."""
    addresses = {spec.containers[node.name]: node.address for node in cluster.nodes}
    return kind_command(place, spec, means.kind, network=cluster.network, addresses=addresses)


def kind_command(
    place: State, spec: KindSpec, path: Path, *, network: str, addresses: Mapping[str, str]
) -> Kind:
    """Return the kind command at ``path``, for clusters of the lab whose nodes are on ``network``.

    ``addresses`` are those that containers must have.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() not in docker_wrapper.PROXIES
    }
    docker = host.find("docker") or "docker"
    _scratch(place).mkdir(exist_ok=True)
    env = {
        **kept,
        **spec.engine.environment(),
        **docker_wrapper.settings(docker, addresses, labels(place)),
        "PATH": f"{docker_wrapper.directory()}{os.pathsep}{host.search_path()}",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": spec.names.network(network),
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        LAB_VARIABLE: place.id,
        "TMPDIR": str(_scratch(place)),
    }
    return Kind(path, LocalShell(), env)


def raze(place: State) -> None:
    """Remove everything from the engine, end the guardian, and delete the lab's files.

    The guardian ends last: while it lives the lab is nobody else's to clear, and should this
    process be ended meanwhile, the guardian clears it. :class:`MachineError` if the engine lets
    something stay; then the guardian ends and the files stay, for ``meshproof reap``.
    """
    try:
        clear(place)
    except MachineError:
        _end_guardian(place)
        raise
    _end_guardian(place)
    offline.settle_settings()
    place.remove()


def _end_guardian(place: State) -> None:
    pid = place.holder()
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    holder.wait_gone(place, _END)
