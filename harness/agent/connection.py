"""A socket with a deadline; whatever goes wrong on it becomes a :class:`CallError`."""

from __future__ import annotations

import errno
import select
import socket
import time

#: Nobody may send more than this in one body.
MOST_BYTES = 1 << 26
_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
}
_CHUNK = 65536


class CallError(Exception):
    """Why there is no answer, in a few stable words: an observation, to be reported."""


def explain(error: OSError, doing: str) -> CallError:
    """Return what an operating system's error means for a call."""
    # Python 3.9 has a timeout class of its own for sockets.
    if isinstance(error, TimeoutError) or "timed out" in str(error):
        return CallError(f"timeout {doing}")
    if "EOF occurred" in str(error):
        return CallError("TLS: closed without a word")
    if reason := getattr(error, "reason", None):
        return CallError(f"TLS: {str(reason).replace('_', ' ').lower()}")
    if isinstance(error, socket.gaierror):
        return CallError(f"name not resolved: {error.strerror}")
    return CallError(_REASONS.get(error.errno or 0, f"{error} {doing}"))


def connect(address: tuple[str, int], deadline: float) -> Connection:
    """Connect to ``address`` before ``deadline`` (on the monotonic clock)."""
    raw = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    try:
        raw.settimeout(max(0.001, deadline - time.monotonic()))
        raw.connect(address)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raw.close()
        raise explain(error, "connecting") from error
    return Connection(raw, deadline)


class Connection:
    """One connection. ``deadline`` is on the monotonic clock; ``None`` waits for ever."""

    def __init__(self, raw: socket.socket, deadline: float | None = None) -> None:
        self.socket = raw
        self.deadline = deadline
        self._buffer = b""
        self._spoken = self._ended = False

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        try:
            self._limit()
            self.socket.sendall(data)
        except OSError as error:
            raise explain(error, "sending") from error

    def receive(self) -> bytes:
        """Return what has arrived, waiting for something; empty once the peer has closed."""
        if not self._buffer:
            return self._more()
        taken, self._buffer = self._buffer, b""
        return taken

    def peek(self, size: int) -> bytes:
        """Return the next ``size`` bytes, fewer if the peer closes, and leave them there."""
        while len(self._buffer) < size and (chunk := self._more()):
            self._buffer += chunk
        return self._buffer[:size]

    def until(self, mark: bytes, limit: int = 1 << 20) -> bytes:
        """Return everything up to and including ``mark``."""
        start = 0
        while (found := self._buffer.find(mark, start)) < 0:
            if len(self._buffer) > limit:
                raise CallError("malformed answer: a line without an end")
            start = max(0, len(self._buffer) - len(mark))
            self._need()
        return self._take(found + len(mark))

    def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes."""
        while len(self._buffer) < size:
            self._need()
        return self._take(size)

    @property
    def cut_off(self) -> CallError | None:
        """What the peer's closing means for an answer that is not whole; ``None`` while open."""
        if not self._ended:
            return None
        if self._spoken:
            return CallError("closed before the end of the answer")
        return CallError("closed without an answer")

    def gone(self, seconds: float) -> bool:
        """Wait for the peer to close; ``False`` if it has not within ``seconds``."""
        watch = select.poll()
        try:
            watch.register(self.socket, select.POLLRDHUP)
        except ValueError:
            return True  # closed here, under the hands of this thread
        return bool(watch.poll(seconds * 1000))

    def close(self) -> None:
        """Close the connection, also under the hands of a thread that reads from it."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It was closed already, by us or by the peer.
        finally:
            self.socket.close()

    def _need(self) -> None:
        chunk = self._more()
        if not chunk:
            raise self.cut_off or CallError("connection reset")
        self._buffer += chunk

    def _more(self) -> bytes:
        try:
            self._limit()
            chunk = self.socket.recv(_CHUNK)
        except OSError as error:
            raise explain(error, "waiting for the answer") from error
        self._spoken = self._spoken or bool(chunk)
        self._ended = not chunk
        return chunk

    def _limit(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self.socket.settimeout(left)

    def _take(self, size: int) -> bytes:
        taken, self._buffer = self._buffer[:size], self._buffer[size:]
        return taken
