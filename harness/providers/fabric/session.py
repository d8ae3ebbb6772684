"""A connection to the process that holds a lab, as that process sees it."""

import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from harness.shell import redact

#: A request: ``do`` names it, the rest is its details.
Request = Mapping[str, Any]


class Session:
    """One connection to the control socket, and how to undo what it has changed."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._undo: list[Callable[[], object]] = []
        self._rest = b""

    def requests(self) -> list[Request] | None:
        """Return the requests that have arrived, ``None`` at the connection's end."""
        try:
            chunk = self.connection.recv(1 << 16)
        except OSError:
            return None
        if not chunk:
            return None
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [json.loads(line) for line in lines]

    def answer(self, value: object) -> None:
        """Send one line back; whoever has hung up meanwhile does without."""
        try:
            self.connection.sendall(json.dumps(value).encode() + b"\n")
        except OSError:
            return

    def undo_by(self, action: Callable[[], object]) -> None:
        """Remember how to undo a change."""
        self._undo.append(action)

    def undo(self) -> list[str]:
        """Undo every change, the last one first; return what went wrong, without secrets."""
        troubles = (_trouble(self._undo.pop()) for _ in range(len(self._undo)))
        return [trouble for trouble in troubles if trouble]


def _trouble(action: Callable[[], object]) -> str:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others must be undone, too
        return redact(f"{type(error).__name__}: {error}")
    return ""
