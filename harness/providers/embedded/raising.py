"""Raising a lab and razing it: the part of the embedded provider that runs on the machine."""

import atexit
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import harness
from harness import shell
from harness.artifacts import Artifact
from harness.converge import Budget, concurrently, eventually
from harness.model import Lab, MachineError, NetworkPlan, Topology
from harness.providers.embedded import images, machine, state
from harness.providers.embedded.answering import answering, last_words
from harness.providers.embedded.credentials import write_credentials
from harness.providers.embedded.layout import Layout
from harness.providers.embedded.state import STATE_VARIABLE, State
from harness.providers.embedded.system import system_programs
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
    state.reap()
    place = state.create()
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
    with _listeners(layout.plan) as listeners, _owner(keep=keep) as owner:
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
            env=_environment(),
            pass_fds=[*(listener.fileno() for listener in listeners.values()), *_given(owner)],
        )
    _STARTED[place.path] = running
    if keep:
        atexit.register(running.release)
    place.claim(running.pid)
    _boot(place, running)


def _given(owner: int | None) -> list[int]:
    return [] if owner is None else [owner]


def _environment() -> dict[str, str]:
    """Return the environment of the supervisor: this one's search paths and nothing personal."""
    source = str(Path(harness.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    return {
        "HOME": "/",
        "LANG": "C.UTF-8",
        "PATH": machine.search_path(),
        "PYTHONPATH": paths,
    }


@contextmanager
def _listeners(plan: NetworkPlan) -> Iterator[Mapping[str, socket.socket]]:
    """Listen once per API server, here on the machine; the lab inherits the sockets."""
    found: dict[str, socket.socket] = {}
    try:
        for cluster in plan.clusters:
            found[cluster.name] = socket.create_server(("127.0.0.1", 0), backlog=256)
        yield found
    finally:
        for listener in found.values():
            listener.close()


@contextmanager
def _owner(*, keep: bool) -> Iterator[int | None]:
    """Hold a descriptor of this very process, by which the supervisor sees it end."""
    if keep:
        yield None
        return
    descriptor = os.pidfd_open(os.getpid())
    try:
        yield descriptor
    finally:
        os.close(descriptor)


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
