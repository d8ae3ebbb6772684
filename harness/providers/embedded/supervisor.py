"""PID 1 of a lab: builds what it is told, keeps it, and ends it by ending.

Run as ``python -m harness.providers.embedded.supervisor DIRECTORY OWNER [NAME=DESCRIPTOR …]``
in namespaces of its own. OWNER is the descriptor of a process (pidfd) with whose end the lab
ends, or ``-`` for a lab that is kept. Everything happens in one thread, because a sandboxed
process dies with the thread that started it. Requests come by the control socket, a line of
JSON each; what a connection has changed is undone when it closes, however its holder ended.
"""

import os
import signal
import socket
import sys
import time
from pathlib import Path

from harness.model import ToolError
from harness.phases import to_stderr
from harness.providers.embedded.namespaces import build
from harness.providers.embedded.processes import Processes, shell_in
from harness.providers.embedded.spec import Daemon, LabSpec
from harness.providers.fabric.control_server import ControlServer
from harness.providers.fabric.session import Request, Session
from harness.providers.fabric.state import State

#: Seconds between the end of a program that should last and its next start.
_BREATH = 1.0


class Supervisor:
    """The loop: requests, children that end, an owner that is gone."""

    def __init__(self, state: State, spec: LabSpec, processes: Processes) -> None:
        self._state = state
        self._processes = processes
        self._daemons = {daemon.name: daemon for daemon in spec.daemons}
        self._due: dict[str, float] = {}
        self._reception = ControlServer(
            {
                "borrow": self._borrow,
                "freeze": self._freeze,
                "run": self._run,
                "signal": self._signal,
                "start": self._start,
                "states": self._states,
            }
        )

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
        self._reception.watch(woken, lambda: self._collect(woken))
        self._reception.mind(owner, self._state, self._abandoned)
        self._reception.open(self._state.control)
        while True:
            self._reception.turn(self._until_due())
            self._revive()

    def _collect(self, woken: socket.socket) -> None:
        woken.recv(4096)
        self._processes.reap()
        for name, code in self._processes.states().items():
            daemon = self._daemons.get(name)
            if code is not None and daemon and daemon.lasting and name not in self._due:
                to_stderr(f"{name} exited {code}; it is started again")
                self._due[name] = time.monotonic() + _BREATH

    def _until_due(self) -> float | None:
        if not self._due:
            return None
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _revive(self) -> None:
        now = time.monotonic()
        for name in [name for name, due in self._due.items() if due <= now]:
            del self._due[name]
            if not self._processes.runs(name):
                self._processes.start(self._daemons[name])

    def _abandoned(self) -> None:
        """The owner ended without taking the lab down: leave nothing."""
        os.kill(-1, signal.SIGKILL)
        self._state.remove()
        _leave()

    def _start(self, visit: Session, request: Request) -> None:
        """Start a ``stage``."""
        del visit
        self.start(request["stage"])

    def _states(self, visit: Session, request: Request) -> dict[str, int | None]:
        """Return every daemon's exit code (``None``: it runs)."""
        del visit, request
        return self._processes.states()

    def _signal(self, visit: Session, request: Request) -> None:
        """Send signal ``number`` to the daemon ``name``."""
        del visit
        self._processes.signal(request["name"], request["number"])

    def _freeze(self, visit: Session, request: Request) -> None:
        """Stop the daemon ``name`` and all its descendants until this connection closes."""
        visit.undo_by(lambda: self._processes.thaw(request["name"]))
        self._processes.freeze(request["name"])

    def _run(self, visit: Session, request: Request) -> dict[str, object]:
        """Run ``argv`` in ``namespace``; ``undo`` (argv) is run there when this visit ends."""
        shell = shell_in(request["namespace"])
        outcome = shell.run(
            request["argv"], stdin=request.get("stdin"), timeout=request.get("timeout", 10.0)
        )
        if outcome.exit_code == 0 and (undo := request.get("undo")):
            visit.undo_by(lambda: shell.run(undo))
        return {
            "exit_code": outcome.exit_code,
            "stdout": outcome.stdout,
            "stderr": outcome.stderr,
        }

    def _borrow(self, visit: Session, request: Request) -> None:
        """Start ``daemon``, which ends with this connection."""
        daemon = Daemon.model_validate(request["daemon"])
        visit.undo_by(lambda: self._processes.end(daemon.name))
        self._processes.start(daemon)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def main() -> None:
    """Build the lab that the arguments name, then serve."""
    directory, owner, *named = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    state = State(Path(directory))
    spec = LabSpec.model_validate_json(state.spec.read_bytes())
    listeners = {name: int(fd) for name, _, fd in (word.partition("=") for word in named)}
    try:
        build(spec)
    except ToolError as error:
        to_stderr(f"the fabric cannot be built: {error}")
        raise SystemExit(1) from None
    supervisor = Supervisor(state, spec, Processes(state.logs, listeners))
    supervisor.start("core")
    supervisor.serve(int(owner))


if __name__ == "__main__":
    main()
