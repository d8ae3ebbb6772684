"""A socket with a buffer and a deadline; everything that goes wrong on it becomes a Trouble."""

from __future__ import annotations

import errno
import socket
import time

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
}
_CHUNK = 65536


class Trouble(Exception):  # noqa: N818 - an observation to be reported, not an error of ours
    """Why there is no answer, in a few stable words."""


def explain(error: OSError, doing: str) -> Trouble:
    """Return the trouble that an operating system's error stands for."""
    # Python 3.9 has a timeout class of its own for sockets.
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return Trouble(f"timeout {doing}")
    if "EOF occurred" in str(error):
        return Trouble("TLS: closed without a word")
    if reason := getattr(error, "reason", None):
        return Trouble(f"TLS: {str(reason).replace('_', ' ').lower()}")
    if isinstance(error, socket.gaierror):
        return Trouble(f"name not resolved: {error.strerror}")
    return Trouble(_WORDS.get(error.errno or 0, f"{error} {doing}"))


def dial(address: tuple[str, int], deadline: float) -> Wire:
    """Connect to ``address`` before ``deadline`` (on the monotonic clock)."""
    plug = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        plug.settimeout(max(0.001, deadline - time.monotonic()))
        plug.connect(address)
        plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        plug.close()
        raise explain(error, "connecting") from error
    return Wire(plug, deadline)


class Wire:
    """One connection. ``deadline`` is on the monotonic clock; ``None`` waits for ever."""

    def __init__(self, plug: socket.socket, deadline: float | None = None) -> None:
        self.plug = plug
        self.deadline = deadline
        self.buffer = b""

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        try:
            self._limit()
            self.plug.sendall(data)
        except OSError as error:
            raise explain(error, "sending") from error

    def until(self, mark: bytes, limit: int = 1 << 20) -> bytes:
        """Return everything up to and including ``mark``; empty if the peer closed before."""
        start = 0
        while (found := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark))
            if len(self.buffer) > limit or not self.more():
                return b""
        return self._take(found + len(mark))

    def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes; Trouble if the peer closes before."""
        while len(self.buffer) < size:
            if not self.more():
                raise Trouble("closed before the end of the answer")
        return self._take(size)

    def rest(self, limit: int = 1 << 26) -> bytes:
        """Return everything that comes until the peer closes."""
        while len(self.buffer) < limit and self.more():
            pass
        return self._take(len(self.buffer))

    def more(self) -> bool:
        """Wait for something to arrive; ``False`` if the peer has closed."""
        try:
            self._limit()
            chunk = self.plug.recv(_CHUNK)
        except OSError as error:
            raise explain(error, "waiting for the answer") from error
        self.buffer += chunk
        return bool(chunk)

    def close(self) -> None:
        """Close the connection, also under the hands of a thread that reads from it."""
        try:
            self.plug.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It was closed already, by us or by the peer.
        finally:
            self.plug.close()

    def _limit(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.plug.settimeout(left)

    def _take(self, size: int) -> bytes:
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken
