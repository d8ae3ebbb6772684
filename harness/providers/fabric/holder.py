"""The process that holds a lab, seen by the one that raises it: what it is given, start, end."""

import atexit
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import harness
from harness import shell
from harness.converge import Budget, eventually
from harness.model import MachineError, NetworkPlan
from harness.providers.fabric.state import State
from harness.shell import Running

#: Holders that this process has started, by their labs' directories: its own to collect.
_STARTED: dict[Path, Running] = {}


@dataclass(frozen=True, slots=True)
class Lease:
    """What a lab's holder inherits.

    ``listeners`` are sockets of this machine by the name of the cluster whose API server is
    behind them; ``owner`` is a descriptor of the process that raises the lab, by which the holder
    sees it end.
    """

    listeners: Mapping[str, socket.socket]
    owner: int

    @property
    def ports(self) -> dict[str, int]:
        """The port of this machine, per cluster."""
        return {name: int(listener.getsockname()[1]) for name, listener in self.listeners.items()}

    @property
    def arguments(self) -> list[str]:
        """What the holder is told of the lease: ``OWNER [CLUSTER=DESCRIPTOR…]``."""
        named = [f"{name}={listener.fileno()}" for name, listener in self.listeners.items()]
        return [str(self.owner), *named]

    def start(self, place: State, name: str, argv: Sequence[str], env: Mapping[str, str]) -> None:
        """Start the holder of the lab at ``place``: ``argv``, then the lease's arguments."""
        descriptors = [listener.fileno() for listener in self.listeners.values()]
        running = shell.start(
            name,
            [*argv, *self.arguments],
            output=_log(place, name),
            env=env,
            pass_fds=[*descriptors, self.owner],
        )
        _STARTED[place.path] = running
        if place.kept:
            atexit.register(running.release)
        place.claim(running.pid)


@contextmanager
def lease(plan: NetworkPlan) -> Iterator[Lease]:
    """Listen once per API server, here on the machine, for as long as the holder is started."""
    with ExitStack() as held:
        listeners = {
            cluster.name: held.enter_context(socket.create_server(("127.0.0.1", 0), backlog=256))
            for cluster in plan.clusters
        }
        yield Lease(listeners, held.enter_context(owner()))


@contextmanager
def owner() -> Iterator[int]:
    """Hold a descriptor of this very process, by which the lab's holder sees it end."""
    descriptor = os.pidfd_open(os.getpid())
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def environment(search_path: str) -> dict[str, str]:
    """Return the environment of the holder: this one's search paths and nothing personal."""
    source = str(Path(harness.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    return {"HOME": "/", "LANG": "C.UTF-8", "PATH": search_path, "PYTHONPATH": paths}


def wait_ready(place: State, budget: Budget) -> None:
    """Wait until the holder hears requests; :class:`MachineError` with its words if it ended."""
    running = _STARTED[place.path]
    eventually(
        lambda: place.control.exists() or running.exit_code() is not None,
        bool,
        what=f"the lab's {running.name} answers",
        budget=budget,
    )
    if running.exit_code() is not None:
        said = shell.log_tail(_log(place, running.name))
        raise MachineError(f"the lab's {running.name} ended at once: {said}")


def wait_gone(place: State, budget: Budget) -> None:
    """Wait until the holder, which has been killed, is gone; collect it if it was started here."""
    eventually(
        place.alive, lambda alive: not alive, what="the lab's holder has ended", budget=budget
    )
    if running := _STARTED.pop(place.path, None):
        running.wait(budget.timeout)


def _log(place: State, name: str) -> Path:
    return place.logs / f"{name}.log"
