"""What both ends of an HTTP/2 connection share: h2 for the protocol, a Connection for the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import FrameTooLargeError, H2Error
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from .connection import CallError, Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from h2.events import Event

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = 9
#: One that is shorter is for h2 to refuse.
_SHORTEST_GOAWAY = _HEAD + 8
_SETTINGS = {
    SettingCodes.ENABLE_PUSH: 0,
    SettingCodes.MAX_CONCURRENT_STREAMS: 10_000,
    SettingCodes.MAX_HEADER_LIST_SIZE: 1 << 18,
}


class Link:
    """One end of a connection. h2 is not safe across threads; whoever has several locks.

    A GOAWAY is kept from h2, which would refuse everything behind it; yet a peer that says it
    still deals with the streams up to the last one that it names (RFC 9113, 6.8). It is to be
    found among the events as the frame that it is.
    """

    def __init__(self, connection: Connection, *, client: bool) -> None:
        self.connection = connection
        self.h2 = H2Connection(H2Configuration(client_side=client, header_encoding=None))
        self.h2.local_settings = Settings(client=client, initial_values=_SETTINGS)
        self.h2.initiate_connection()
        self._buffer = bytearray()
        self._preface = 0 if client else len(PREFACE)

    def flush(self) -> None:
        """Send what h2 has to say."""
        if data := self.h2.data_to_send():
            self.connection.send(data)

    def take(self, data: bytes) -> list[Event | GoAwayFrame]:
        """Return what ``data`` means, and send what h2 answers to it."""
        events: list[Event | GoAwayFrame] = []
        try:
            for piece in self._pieces(data):
                if isinstance(piece, GoAwayFrame):
                    events.append(piece)
                else:
                    events.extend(self.h2.receive_data(piece))
        except H2Error as error:
            self.flush()  # It says GOAWAY with the reason.
            raise CallError(f"malformed answer: {type(error).__name__} {error}") from error
        self.flush()
        return events

    def _pieces(self, data: bytes) -> Iterator[bytes | GoAwayFrame]:
        """Cut what has arrived into whole frames."""
        self._buffer += data
        while piece := self._cut(self._size()):
            whole = not self._preface and len(piece) >= _SHORTEST_GOAWAY
            self._preface = 0
            yield _goaway(piece) if whole and piece[3] == GoAwayFrame.type else piece

    def _size(self) -> int:
        """Return the size of what comes next, one of nine bytes or more if it is a frame."""
        if self._preface:
            return self._preface
        length = int.from_bytes(self._buffer[:3], "big")
        if length > self.h2.max_inbound_frame_size:
            # h2 would wait for all of it before it refuses it.
            self.h2.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
            raise FrameTooLargeError(f"a frame of {length} bytes")
        return _HEAD + length

    def _cut(self, size: int) -> bytes:
        if len(self._buffer) < max(size, 0 if self._preface else _HEAD):
            return b""
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece


def _goaway(piece: bytes) -> GoAwayFrame:
    frame = GoAwayFrame()
    frame.parse_body(memoryview(piece)[_HEAD:])
    return frame
