"""Where the process that holds a lab hears requests: a line of JSON each, in one thread."""

import selectors
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from harness.model import HarnessError, MachineError
from harness.phases import to_stderr
from harness.providers.fabric.session import Request, Session
from harness.providers.fabric.state import State

Handler = Callable[[Session, Request], object]


class ControlServer:
    """Answers requests, and undoes what a connection has changed when it closes."""

    def __init__(self, requests: Mapping[str, Handler]) -> None:
        self._requests = {"release": _release, **requests}
        self._selector = selectors.DefaultSelector()

    def open(self, path: Path) -> None:
        """Listen at ``path``; from now on the lab can be spoken to."""
        control = socket.socket(socket.AF_UNIX)
        control.bind(str(path))
        control.listen(64)
        self.watch(control, lambda: self._accept(control))

    def watch(self, source: Any, call: Callable[[], object]) -> None:
        """Call ``call`` whenever ``source`` can be read (or a process it stands for has ended)."""
        self._selector.register(source, selectors.EVENT_READ, call)

    def mind(self, owner: int, place: State, abandoned: Callable[[], object]) -> None:
        """Call ``abandoned`` when the owner ends, unless the lab is finished and to be kept."""

        def ended() -> None:
            if place.outlives_owner:
                self._selector.unregister(owner)
            else:
                abandoned()

        self.watch(owner, ended)

    def turn(self, timeout: float | None = None) -> None:
        """Wait for something to happen, no longer than ``timeout``, and deal with it."""
        for key, _ in self._selector.select(timeout):
            key.data()

    def _accept(self, control: socket.socket) -> None:
        connection, _ = control.accept()
        visit = Session(connection)
        self.watch(connection, lambda: self._hear(visit))

    def _hear(self, visit: Session) -> None:
        requests = visit.requests()
        if requests is None:
            self._selector.unregister(visit.connection)
            visit.connection.close()
            for trouble in visit.undo():
                to_stderr(f"what a visit changed is not undone: {trouble}")
        for request in requests or ():
            visit.answer(self._answer(visit, request))

    def _answer(self, visit: Session, request: Request) -> object:
        try:
            return {"value": self._requests[request["do"]](visit, request)}
        except (KeyError, OSError, HarnessError) as error:
            return {"error": f"{type(error).__name__}: {error}"}


def _release(visit: Session, request: Request) -> None:
    """Undo what this connection has changed, now; :class:`MachineError` if something stays."""
    del request
    if troubles := visit.undo():
        raise MachineError(f"not undone: {'; '.join(troubles)}", "raise the lab anew")
