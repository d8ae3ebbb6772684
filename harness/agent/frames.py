"""HTTP/2 frames (RFC 9113): reading and writing them, and header blocks out of them."""

from __future__ import annotations

import struct
from typing import NamedTuple

from .hpack import Decoder
from .wire import Trouble, Wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20
#: The window that both ends of a connection start with.
WINDOW = 65535
_HEADER = struct.Struct(">HBBBL")
_STREAM = 0x7FFFFFFF


class Frame(NamedTuple):
    """One frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes = b""

    @property
    def ends(self) -> bool:
        """Whether the sender's half of the stream ends with it."""
        return self.kind in (DATA, HEADERS) and bool(self.flags & END_STREAM)


def render(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """Return a frame as bytes."""
    size = len(payload)
    return _HEADER.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def read(wire: Wire) -> Frame:
    """Return the next frame; Trouble if the connection ends."""
    high, low, kind, flags, stream = _HEADER.unpack(wire.exactly(_HEADER.size))
    return Frame(kind, flags, stream & _STREAM, wire.exactly(high << 8 | low))


def content(frame: Frame) -> bytes:
    """Return the payload of a DATA or HEADERS frame without padding and priority."""
    payload = frame.payload
    if frame.flags & PADDED:
        payload = payload[1 : len(payload) - payload[0]]
    if frame.kind == HEADERS and frame.flags & PRIORITY:
        payload = payload[5:]
    return payload


def block(wire: Wire, frame: Frame, decoder: Decoder) -> list[tuple[str, str]]:
    """Return the headers that begin with ``frame``, reading continuations as needed."""
    collected = content(frame)
    while not frame.flags & END_HEADERS:
        frame = read(wire)
        if frame.kind != CONTINUATION:
            raise Trouble("malformed answer: headers break off")
        collected += frame.payload
    return decoder.decode(collected)


def granted(frame: Frame) -> bytes:
    """Return what gives the sender of a DATA frame its window back, or answers a greeting."""
    if frame.kind == DATA and frame.payload:
        more = struct.pack(">L", len(frame.payload))
        connection = render(WINDOW_UPDATE, 0, 0, more)
        return (
            connection if frame.ends else connection + render(WINDOW_UPDATE, 0, frame.stream, more)
        )
    if frame.kind in (SETTINGS, PING) and not frame.flags & ACK:
        return render(frame.kind, ACK, 0, frame.payload if frame.kind == PING else b"")
    return b""
