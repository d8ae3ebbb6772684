"""Raising a lab and razing it: the part of the embedded provider that runs on the machine."""

import atexit
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from harness import shell
from harness.artifacts import Artifact
from harness.converge import Budget, concurrently, eventually
from harness.model import Lab, MachineError, NetworkPlan, Topology
from harness.providers.embedded import images, machine
from harness.providers.embedded.answering import answering, last_words
from harness.providers.embedded.credentials import write_credentials
from harness.providers.embedded.layout import Layout
from harness.providers.embedded.system import system_programs
from harness.providers.fabric import leasing, state
from harness.providers.fabric.state import STATE_VARIABLE, State
from harness.shell import Running

NAME = "embedded"
_BOOT = Budget(timeout=30.0, interval=0.01)
#: Supervisors that this process has started, by their labs' directories: its own to collect.
_STARTED: dict[Path, Running] = {}
_END = Budget(timeout=20.0, interval=0.01)


def raise_lab(
    topology: Topology, plan: NetworkPlan, found: Mapping[str, Artifact], *, keep: bool
) -> Lab:
    """Build a lab; return when every API server answers. A failure leaves nothing behind."""
    try:
        return _raised(topology, plan, found, keep=keep)
    except OSError as error:
        raise MachineError(
            f"the lab's files cannot be written ({error})",
            f"make room, or set {STATE_VARIABLE} to another directory",
        ) from error


def _raised(
    topology: Topology, plan: NetworkPlan, found: Mapping[str, Artifact], *, keep: bool
) -> Lab:
    reap()
    place = state.create(NAME)
    try:
        programs = {name: artifact.path for name, artifact in found.items()}
        _start(Layout(place, plan, programs, sys.executable), keep=keep)
        system = system_programs((*machine.NEEDED, images.PYTHON), machine.find)
        clusters = concurrently(lambda cluster: answering(place, cluster), plan.clusters)
        lab = Lab(
            id=place.id,
            provider=NAME,
            topology=topology,
            plan=plan,
            clusters=tuple(clusters),
            programs=(*(artifact.program for artifact in found.values()), *system),
            state_dir=str(place.path),
        )
        place.lab.write_text(lab.model_dump_json(indent=1))
    except BaseException:
        raze(place)
        raise
    return lab


def _start(layout: Layout, *, keep: bool) -> None:
    """Start the supervisor; return when it has built the fabric and answers."""
    place = layout.state
    with leasing.listeners(layout.plan) as listeners, leasing.owner(keep=keep) as owner:
        for cluster in layout.plan.clusters:
            port = listeners[cluster.name].getsockname()[1]
            write_credentials(place, cluster, port)
        layout.write_configs()
        place.spec.write_text(layout.spec().model_dump_json(indent=1))
        named = [f"{name}={listener.fileno()}" for name, listener in listeners.items()]
        module = "harness.providers.embedded.supervisor"
        running = shell.start(
            "supervisor",
            [
                *machine.unshare(),
                *(layout.python, "-m", module, str(place.path)),
                *("-" if owner is None else str(owner), *named),
            ],
            output=place.logs / "supervisor.log",
            env=leasing.environment(machine.search_path()),
            pass_fds=[*(listener.fileno() for listener in listeners.values()), *_given(owner)],
        )
    _STARTED[place.path] = running
    if keep:
        atexit.register(running.release)
    place.claim(running.pid)
    _boot(place, running)


def _given(owner: int | None) -> list[int]:
    return [] if owner is None else [owner]


def _boot(place: State, running: Running) -> None:
    eventually(
        lambda: place.control.exists() or running.exit_code() is not None,
        bool,
        what="the lab's supervisor answers",
        budget=_BOOT,
    )
    if running.exit_code() is not None:
        said = last_words(place.logs / "supervisor.log")
        raise MachineError(f"the lab's supervisor ended at once: {said}")


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
        eventually(place.alive, lambda alive: not alive, what="the lab has ended", budget=_END)
    if running := _STARTED.pop(place.path, None):
        running.wait(_END.timeout)
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
