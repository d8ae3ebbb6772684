"""The documented way by hand: kind, istioctl and kubectl as guides have them, step after step.

Everything carries the labels of a lab and is noted like one, so that `meshproof reap` finds what
a killed run leaves behind.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

from benchmarks.documented import Guide
from benchmarks.hand import NETWORK, Hand
from benchmarks.measure import Raised, answered, deploy, timed
from benchmarks.memory import of_containers
from harness import artifacts, shell
from harness.meshes.istio.mesh import IstioMesh
from harness.model import MachineError, NetworkPlan, Topology
from harness.phases import Phases
from harness.providers.fabric import host, state
from harness.providers.fabric.state import State
from harness.providers.kind import KIND_VARIABLE, docker_wrapper, egress
from harness.providers.kind.bring_up import raze
from harness.providers.kind.containers import labels
from harness.providers.kind.naming import LAB_VARIABLE, Names
from harness.providers.kind.provider import KindProvider
from harness.providers.kind.spec import KindSpec
from harness.providers.kind.teardown import NAME
from harness.providers.offline import engine, images
from harness.providers.offline.engine import Engine
from harness.providers.offline.engine.sysctls import Ledger
from harness.shell import LocalShell
from harness.tools.kind import Kind
from harness.workloads.site import Site


def by_hand_once(wanted: Topology) -> Raised:
    """Raise ``wanted`` by hand with one app per cluster, call, measure, take down."""
    with _hand(wanted) as hand:
        guide = Guide.to(wanted, hand.balance)
        with timed() as made:
            hand.network()
            sites = [hand.cluster(cluster) for cluster in hand.spec.plan.clusters]
        with timed() as installed:
            guide.follow(sites)
        with timed() as served:
            _serve(sites)
        memory = of_containers(hand.client, hand.spec.lab)
        with timed() as down:
            hand.delete()
    return Raised(made(), installed(), served(), down(), memory)


def _serve(sites: list[Site]) -> None:
    for site in sites:
        deploy(site)
    for site in sites:
        answered(site, [each.name for each in sites])


@contextmanager
def _hand(wanted: Topology) -> Iterator[Hand]:
    """Have everything at hand that the guides take for granted; afterwards nothing is left."""
    found = engine.find()
    if found is None:
        raise MachineError("no container engine answers", "meshproof engine up")
    ensured = images.ensure(found, Phases(say=lambda _: None), mesh=IstioMesh().images(wanted))
    place = state.create(NAME)
    try:
        with closing(found.client()) as client, ExitStack() as stack:
            spec = _spec(place, found, KindProvider().plan(wanted), ensured.helper)
            spec.write(place)
            _borrow(found, place, stack)
            yield Hand(place, spec, client, ensured, _kind(place, spec), stack)
    finally:
        raze(place)


def _spec(place: State, found: Engine, plan: NetworkPlan, helper: str) -> KindSpec:
    """Return what `meshproof reap` must know."""
    return KindSpec(
        lab=place.id,
        engine_url=found.url,
        engine_pid=found.pid,
        engine_version=found.version,
        engine_api=found.api,
        plan=plan,
        containers=Names(place.id).containers(plan),
        transit={},
        helper=helper,
        guarded=egress.has_way_out(found),
    )


def _kind(place: State, spec: KindSpec) -> Kind:
    path = os.environ.get(KIND_VARIABLE) or artifacts.ensure(["kind"], Phases())["kind"].path
    env = {
        **os.environ,
        **spec.engine.environment(),
        **docker_wrapper.settings(host.find("docker") or "docker", {}, labels(place)),
        "PATH": f"{docker_wrapper.directory()}{os.pathsep}{host.search_path()}",
        "KIND_EXPERIMENTAL_DOCKER_NETWORK": spec.names.network(NETWORK),
        "KIND_EXPERIMENTAL_PROVIDER": "docker",
        LAB_VARIABLE: place.id,
    }
    return Kind(Path(path), LocalShell(), env)


def _borrow(found: Engine, place: State, stack: ExitStack) -> None:
    """Have the machine's settings put back that nodes overwrite; our own engine does so itself."""
    if found.pid is not None or not found.url.startswith("unix://") or os.geteuid() != 0:
        return
    borrower = shell.start(
        "borrower",
        ["tail", f"--pid={os.getpid()}", "--follow", "/dev/null"],
        output=place.logs / "borrower.log",
    )
    stack.callback(borrower.end)
    with suppress(OSError):
        Ledger().lend(borrower.pid)
