"""Peers of the agent that share no code with its HTTP: scripts of bytes, and frames by hand."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hpack import Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

HERE = "127.0.0.1"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
Script = Callable[[socket.socket], None]


@contextmanager
def serving(script: Script) -> Iterator[int]:
    """Serve each connection by ``script``, in a thread of its own; gives the port."""
    listener = socket.create_server((HERE, 0), backlog=64)

    def converse(accepted: socket.socket) -> None:
        with accepted:
            try:
                script(accepted)
            except OSError:
                return  # The client has had enough.

    def accept() -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(accepted,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)


def heard(connection: socket.socket, mark: bytes) -> bytes:
    """Return what the peer says up to ``mark``, or all of it if it ends before."""
    said = b""
    while mark not in said and (chunk := connection.recv(65536)):
        said += chunk
    return said


def close_gently(connection: socket.socket) -> None:
    """End our half, and wait for the peer's end: a plain close may reset what is on its way."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        pass


def reset(connection: socket.socket) -> None:
    """Close with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class FrameReader:
    """Reads frames off a connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def preface(self) -> None:
        """Read what a client begins with."""
        assert self._exactly(len(PREFACE)) == PREFACE

    def next(self, *kinds: type[Frame]) -> Frame:
        """Return the next frame, of ``kinds`` if any are named."""
        while True:
            head = self._exactly(9)
            frame, size = Frame.parse_frame_header(memoryview(head))
            frame.parse_body(memoryview(self._exactly(size)))
            if not kinds or isinstance(frame, kinds):
                return frame

    def _exactly(self, size: int) -> bytes:
        read = b""
        while len(read) < size:
            chunk = self._connection.recv(size - len(read))
            if not chunk:
                raise ConnectionResetError("the peer has closed")
            read += chunk
        return read


def headers(
    fields: Sequence[tuple[str, str]], *, stream: int = 1, flags: Sequence[str] = ()
) -> HeadersFrame:
    """Return a whole header block as a frame."""
    return HeadersFrame(stream, Encoder().encode(fields), flags=("END_HEADERS", *flags))


def data(body: bytes, *, stream: int = 1, flags: Sequence[str] = ()) -> DataFrame:
    """Return a part of a body."""
    return DataFrame(stream, body, flags=flags)


def settings(**values: int) -> SettingsFrame:
    """Return settings by the names that hyperframe has for them."""
    return SettingsFrame(0, {getattr(SettingsFrame, name): said for name, said in values.items()})


def rendered(*frames: Frame) -> bytes:
    """Return frames as they are on the wire."""
    return b"".join(frame.serialize() for frame in frames)
