"""Process 1 of a node: one loop that tends services, reaps orphans and answers systemctl."""

import os
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from . import ground, resolver
from .services import SOCKET, Service, answer, services

#: Where ``systemctl`` asks.
CONTROL = Path("/run/meshproof-node.sock")
#: Seconds between two looks for containerd's socket, until it is there.
_LOOK = 0.02
_LEAVE = (signal.SIGTERM, signal.SIGINT, signal.SIGRTMIN + 3)


@dataclass(slots=True)
class Node:
    """The services of this node, and whether somebody asked it to leave."""

    known: dict[str, Service] = field(default_factory=services)
    leaving: bool = False
    booted: bool = False

    def tend(self) -> float | None:
        """Reap, start what is due, say once that the node is up; return when to come back."""
        self._reap()
        if not self.booted and SOCKET.exists():
            self.booted = True
            sys.stdout.write(greeting(unified=ground.unified()) + "\n")
            sys.stdout.flush()
        now = time.monotonic()
        waits = [wait for each in self.known.values() if (wait := each.tend(now)) is not None]
        return min([*waits, *([] if self.booted else [_LOOK])], default=None)

    def leave(self) -> None:
        """Stop what runs; the kernel ends the rest with this process."""
        for service in self.known.values():
            service.wanted = False
            service.end()

    def _reap(self) -> None:
        """Take the exit codes of services and of orphans, whose parent process 1 becomes."""
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for service in self.known.values():
                if service.pid == pid:
                    service.ended(time.monotonic())


def greeting(*, unified: bool) -> str:
    """Return the line by which kind knows that a node is up: one for each kind of groups."""
    return "Reached target Multi-User System." if unified else "detected cgroup v1"


def main() -> int:
    """Run the node until it is told to leave."""
    ground.prepare()
    resolver.open_to_pods()
    node = Node()
    inlet, outlet = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(outlet, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in _LEAVE:
        signal.signal(number, lambda *_: setattr(node, "leaving", True))
    CONTROL.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as control:
        control.bind(str(CONTROL))
        control.listen()
        while not node.leaving:
            ready, _, _ = select.select([inlet, control.fileno()], [], [], node.tend())
            if inlet in ready:
                os.read(inlet, 4096)
            if control.fileno() in ready:
                _serve(control, node)
    node.leave()
    return 0


def _serve(control: socket.socket, node: Node) -> None:
    """Answer one question: ``VERB UNIT`` in, ``CODE TEXT`` out."""
    connection, _ = control.accept()
    with connection:
        connection.settimeout(1)
        try:
            verb, _, unit = connection.recv(4096).decode(errors="replace").strip().partition(" ")
            code, text = answer(node.known, verb, unit)
            node.tend()
            connection.sendall(f"{code} {text}".encode())
        except OSError:
            return
