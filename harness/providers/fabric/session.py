"""A connection to the process that holds a lab, as that process sees it."""

import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from harness.shell import Running, redact

#: A request: ``do`` names it, the rest is its details.
Request = Mapping[str, Any]
#: Bytes of a request at most, and of several that wait for their turn.
LONGEST = 8 << 20


class Garbage(ValueError):  # noqa: N818 - what it is
    """What has arrived is no request; a connection that carries it is not listened to further."""


class Session:
    """One connection to the control socket, and how to undo what it has changed.

    Nothing here waits for the other side. ``busy``: a request of it is being worked on, and the
    next one waits for that. ``gone``: the other side has hung up.
    """

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)  # noqa: FBT003 - the parameter has no other form
        self.connection = connection
        self.busy = False
        self.gone = False
        self._undo: list[Callable[[], object]] = []
        self._arrived = bytearray()
        self._unsent = bytearray()
        self._running: Running | None = None

    def hear(self) -> bool:
        """Take in what has arrived; say whether the other side is still there."""
        try:
            chunk = self.connection.recv(1 << 16)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._arrived += chunk
        if len(self._arrived) > LONGEST:
            raise Garbage(f"more than {LONGEST} bytes")
        return bool(chunk)

    def request(self) -> Request | None:
        """Return the next request if all of it has arrived; :class:`Garbage` if it is none."""
        end = self._arrived.find(b"\n")
        if end < 0:
            return None
        line = bytes(self._arrived[:end])
        del self._arrived[: end + 1]
        try:
            request = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Garbage(f"no JSON: {error}") from error
        if not isinstance(request, dict) or not isinstance(request.get("do"), str):
            raise Garbage("no object that says what to do")
        return request

    def answer(self, line: str) -> None:
        """Send one line back, now or as soon as the other side takes it."""
        self._unsent += line.encode() + b"\n"
        self.send()

    def send(self) -> None:
        """Send what the other side takes of the answers; who has hung up does without."""
        try:
            del self._unsent[: self.connection.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()

    @property
    def unsent(self) -> bool:
        """Whether the other side has still to take an answer."""
        return bool(self._unsent)

    def works(self, running: Running) -> None:
        """Note the program that a request waits for; it is killed if the other side hangs up."""
        self._running = running
        if self.gone:
            running.kill()

    def give_up(self) -> None:
        """The other side has hung up: close, and end what it was waiting for."""
        self.gone = True
        self.connection.close()
        if self._running is not None:
            self._running.kill()

    @property
    def changed(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self._undo)

    def undo_by(self, action: Callable[[], object]) -> None:
        """Remember how to undo a change."""
        self._undo.append(action)

    def undo(self) -> list[str]:
        """Undo every change, the last one first; return what went wrong, without secrets."""
        troubles = (_trouble(self._undo.pop()) for _ in range(len(self._undo)))
        return [trouble for trouble in troubles if trouble]


def told(error: BaseException) -> str:
    """Return an error as a line without secrets; of several that came together, every one."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(map(told, error.exceptions))
    return redact(f"{type(error).__name__}: {error}")


def _trouble(action: Callable[[], object]) -> str:
    try:
        action()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the others must be undone, too
        return told(error)
    return ""
