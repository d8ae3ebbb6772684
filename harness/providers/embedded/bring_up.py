"""Raising a lab and razing it: the part of the embedded provider that runs on the machine."""

import os
import signal
import sys
from pathlib import Path

from harness.converge import Budget, concurrently
from harness.model import Lab, NetworkPlan, Topology
from harness.providers.embedded.api_servers import answering
from harness.providers.embedded.credentials import write_credentials
from harness.providers.embedded.layout import Layout
from harness.providers.embedded.supplies import Supplies
from harness.providers.embedded.system import system_programs
from harness.providers.fabric import holder, host, state
from harness.providers.fabric.images import PYTHON
from harness.providers.fabric.raising import Built, Frame
from harness.providers.fabric.state import State

NAME = "embedded"
_BOOT = Budget(timeout=30.0, interval=0.01)
_END = Budget(timeout=20.0, interval=0.01)


def raise_lab(topology: Topology, plan: NetworkPlan, supplies: Supplies, *, keep: bool) -> Lab:
    """Build a lab; return when every API server answers. A failure leaves nothing behind."""

    def build(place: State) -> Built:
        _start(Layout(place, plan, supplies, sys.executable))
        system = system_programs((*host.NEEDED, PYTHON), host.find)
        clusters = concurrently(lambda cluster: answering(place, cluster), plan.clusters)
        return Built(clusters, [*supplies.programs, *system])

    return Frame(NAME, reap, raze).raised(topology, plan, build, keep=keep)


def _start(layout: Layout) -> None:
    """Start the supervisor; return when it has built the fabric and answers."""
    place = layout.state
    with holder.lease(layout.plan) as lease:
        for cluster in layout.plan.clusters:
            write_credentials(place, cluster, lease.ports[cluster.name])
        layout.write_configs()
        place.spec.write_text(layout.spec().model_dump_json(indent=1))
        module = "harness.providers.embedded.supervisor"
        argv = [*host.unshare(), layout.python, "-m", module, str(place.path)]
        lease.start(place, "supervisor", argv, holder.environment(host.search_path()))
    holder.wait_ready(place, _BOOT)


def reap() -> list[str]:
    """Remove what is left of labs whose supervisor is gone; return their ids."""
    dead = state.abandoned(NAME)
    for place in dead:
        place.remove()
    return [place.id for place in dead]


def raze(place: State) -> None:
    """End the supervisor, with which everything ends, and delete its files."""
    pid = place.holder()
    if pid is not None:
        _kill(pid)
    holder.wait_gone(place, _END)
    place.remove()


def _kill(pid: int) -> None:
    """Kill PID 1 of the lab; its parent, which we started, collects it and ends after it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    try:
        inner = [int(child) for child in children.read_text().split()]
    except OSError:
        inner = []
    for target in inner or [pid]:
        try:
            os.kill(target, signal.SIGKILL)
        except ProcessLookupError:
            continue
