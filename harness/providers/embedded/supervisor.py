"""PID 1 of a lab: builds what it is told, keeps it, and ends it by ending.

Run as ``python -m harness.providers.embedded.supervisor`` in namespaces of its own, with the
arguments of :mod:`harness.providers.fabric.holding`. Whatever lasts is started by the loop's
thread, because a sandboxed process dies with the thread that started it.
"""

import os
import signal
import socket
import time
from collections import Counter
from functools import partial

from harness import shell
from harness.model import ToolError
from harness.phases import to_stderr
from harness.providers.embedded.namespaces import build
from harness.providers.embedded.processes import Processes, shell_in
from harness.providers.embedded.spec import Daemon, LabSpec
from harness.providers.fabric.holding import Arguments, Holder
from harness.providers.fabric.session import Request, Session
from harness.providers.fabric.state import State
from harness.shell import Shell

#: Seconds between the end of a program that should last and its next start.
_BREATH = 1.0


class Supervisor(Holder):
    """The loop: requests, children that end, an owner that is gone."""

    def __init__(self, place: State, spec: LabSpec, processes: Processes) -> None:
        super().__init__(
            place,
            quick={
                "borrow": self._borrow,
                "freeze": self._freeze,
                "incidents": self._tell_incidents,
                "kill": self._kill,
                "signal": self._signal,
                "start": self._start,
                "states": self._states,
            },
            slow={},
        )
        self._processes = processes
        self._daemons = {daemon.name: daemon for daemon in spec.daemons}
        self._due: dict[str, float] = {}
        self._killed: Counter[str] = Counter()
        self._ended: set[str] = set()
        self._incidents: list[tuple[float, str]] = []

    def start(self, stage: str) -> None:
        """Start every daemon of ``stage`` that does not run yet."""
        for daemon in self._daemons.values():
            if daemon.stage == stage and not self._processes.runs(daemon.name):
                self._processes.start(daemon)

    def serve(self, owner: int) -> None:
        """Answer until the owner is gone or somebody asks for the end."""
        woken, waker = socket.socketpair()
        waker.settimeout(0)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.control.post(_leave))
        self.control.watch(woken, lambda: self._collect(woken))
        super().serve(owner)

    def turn(self) -> None:
        """Wait for something to happen, or until a daemon is to be started again."""
        self.control.turn(self._until_due())
        self._revive()

    def shell(self, namespace: str, session: Session | None = None) -> Shell:
        """Return a shell in a network namespace of the lab."""
        return shell_in(namespace, None if session is None else session.works)

    def abandoned(self) -> None:
        """The owner ended without taking the lab down: leave nothing."""
        end_all()
        self.place.remove()

    def _collect(self, woken: socket.socket) -> None:
        woken.recv(4096)
        shell.reap()
        for name, code in self._processes.states().items():
            daemon = self._daemons.get(name)
            known = name in self._due or name in self._ended or self._killed[name]
            if code is None or daemon is None or known:
                continue
            if daemon.lasting:
                self._note(f"{name} exited {code}; it is started again")
                self._due[name] = time.monotonic() + _BREATH
            else:
                self._note(f"{name} exited {code}")
                self._ended.add(name)

    def _note(self, incident: str) -> None:
        to_stderr(incident)
        self._incidents.append((time.time(), incident))

    def _until_due(self) -> float | None:
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _revive(self) -> None:
        now = time.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            self._ended.discard(name)
            try:
                if not self._processes.runs(name):
                    self._processes.start(self._daemons[name])
            except (OSError, ToolError) as error:  # no memory, say; it may be better in a moment
                to_stderr(f"{name} does not start ({error}); it is tried again")
                self._due[name] = now + _BREATH

    def _start(self, session: Session, request: Request) -> None:
        """Start a ``stage``."""
        del session
        self.start(request["stage"])

    def _states(self, session: Session, request: Request) -> dict[str, int | None]:
        """Return every daemon's exit code (``None``: it runs)."""
        del session, request
        return self._processes.states()

    def _tell_incidents(self, session: Session, request: Request) -> list[str]:
        """Return which programs have ended by themselves ``since`` a moment (seconds, Unix)."""
        del session
        return [what for when, what in self._incidents if when >= request["since"]]

    def _signal(self, session: Session, request: Request) -> None:
        """Send signal ``number`` to the daemon ``name``."""
        del session
        self._processes.signal(request["name"], request["number"])

    def _kill(self, session: Session, request: Request) -> None:
        """Kill the daemon ``name``; it is started again when this connection closes."""
        daemon = self._daemons[request["name"]]
        self._killed[daemon.name] += 1
        session.undo_by(partial(self.control.post, partial(self._restart, daemon)))
        self._processes.signal(daemon.name, signal.SIGKILL)

    def _restart(self, daemon: Daemon) -> None:
        """Start a killed daemon, unless somebody else wants it dead still."""
        self._killed[daemon.name] -= 1
        if not self._killed[daemon.name]:
            self._processes.end(daemon.name)
            self._due[daemon.name] = time.monotonic()

    def _freeze(self, session: Session, request: Request) -> None:
        """Stop the daemon ``name`` and all its descendants until this connection closes."""
        stopped = self._processes.freeze(request["name"])
        session.undo_by(partial(self._processes.thaw, stopped))

    def _borrow(self, session: Session, request: Request) -> None:
        """Start ``daemon``, which ends with this connection."""
        daemon = Daemon.model_validate(request["daemon"])
        if self._processes.runs(daemon.name):
            raise ValueError(f"{daemon.name} runs already")
        session.undo_by(partial(self._processes.end, daemon.name))
        self._processes.start(daemon)


def end_all() -> None:
    """Kill every process there is but this one, which has to be PID 1 of a lab for that."""
    if os.getpid() != 1:
        raise SystemExit(f"process {os.getpid()} is PID 1 of no lab, so it kills nobody")
    os.kill(-1, signal.SIGKILL)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """Build the lab that the arguments name, then serve."""
    told = Arguments.read()
    if os.getpid() != 1:
        raise SystemExit(
            f"process {os.getpid()} cannot hold a lab: it has to be PID 1 of namespaces of its own"
        )
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    spec = LabSpec.model_validate_json(told.place.spec.read_bytes())
    try:
        build(spec)
    except ToolError as error:
        to_stderr(f"the fabric cannot be built: {error}")
        raise SystemExit(1) from None
    supervisor = Supervisor(told.place, spec, Processes(told.place.logs, told.listeners))
    supervisor.start("core")
    supervisor.serve(told.owner)


if __name__ == "__main__":
    main()
