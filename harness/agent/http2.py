"""The client's end of HTTP/2 in clear text with prior knowledge, and gRPC's unary calls over it."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from h2 import events
from h2.exceptions import H2Error
from hyperframe.frame import GoAwayFrame

from .connection import MOST_BYTES, CallError, Connection
from .http2_link import Link
from .messages import Answer, joined, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

GRPC = "application/grpc"
GRPC_PREFIX = struct.Struct(">BL")
#: The first stream that a client opens, and here the only one.
_STREAM = 1


def exchange(
    connection: Connection, url: str, method: str, headers: Mapping[str, str], body: bytes = b""
) -> Answer:
    """Send one request on a new connection; return its whole answer."""
    authority, target = target_of(url)
    named = {name.lower(): value for name, value in headers.items()}
    fields = {
        ":method": method,
        ":scheme": "http",
        ":path": target,
        ":authority": named.pop("host", authority),
        "user-agent": "meshproof",
        **named,
    }
    call = _Call(Link(connection, client=True), body)
    return call.made([(name.encode(), value.encode()) for name, value in fields.items()])


class _Call:
    """One request and what comes back for it."""

    def __init__(self, link: Link, body: bytes) -> None:
        self._link = link
        self._unsent = body
        self._status = 0
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._complete = False

    def made(self, fields: list[tuple[bytes, bytes]]) -> Answer:
        """Make the call; the answer need not wait for the end of the request."""
        try:
            self._link.h2.send_headers(_STREAM, fields, end_stream=not self._unsent)
        except H2Error as error:
            raise CallError(f"no request that could be sent: {error}") from error
        while not self._complete:
            self._send_body()
            data = self._link.connection.receive()
            if not data:
                raise self._link.connection.cut_off or CallError("connection reset")
            for event in self._link.take(data):
                self._note(event)
        return Answer(self._status, self._headers, bytes(self._body))

    def _send_body(self) -> None:
        """Send as much of the body as the server has room for."""
        protocol = self._link.h2
        while self._unsent:
            room = min(
                protocol.local_flow_control_window(_STREAM), protocol.max_outbound_frame_size
            )
            if room <= 0:
                break
            part, self._unsent = self._unsent[:room], self._unsent[room:]
            protocol.send_data(_STREAM, part, end_stream=not self._unsent)
        self._link.flush()

    def _note(self, event: events.Event | GoAwayFrame) -> None:
        if self._complete:
            return  # What follows an answer changes nothing about it.
        if isinstance(event, GoAwayFrame):
            self._note_goodbye(event)
        elif isinstance(event, events.StreamReset):
            raise CallError(f"stream reset ({_name(event.error_code)})")
        elif isinstance(event, events.ResponseReceived):
            self._headers.update(joined(event.headers or ()))
            self._status = int(self._headers.pop(":status"))
        elif isinstance(event, events.TrailersReceived):
            self._headers.update(joined(event.headers or ()))
        elif isinstance(event, events.DataReceived):
            self._note_data(event)
        elif isinstance(event, events.StreamEnded):
            self._complete = True

    def _note_goodbye(self, frame: GoAwayFrame) -> None:
        """Go on, unless the server says that it will not deal with our request."""
        if frame.last_stream_id < _STREAM:
            raise CallError(f"refused by GOAWAY ({_name(frame.error_code)})")

    def _note_data(self, event: events.DataReceived) -> None:
        self._body += event.data or b""
        if len(self._body) > MOST_BYTES:
            raise CallError("malformed answer: too long")
        if size := event.flow_controlled_length:
            self._link.h2.acknowledge_received_data(size, _STREAM)


def _name(code: object) -> str:
    return str(getattr(code, "name", code))


#: The HTTP status that stands for a gRPC code (as gRPC gateways map them).
_STATUS = {0: 200, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 12: 501, 14: 503, 16: 401}


def grpc(
    connection: Connection, url: str, headers: Mapping[str, str]
) -> tuple[dict[str, Any], bytes]:
    """Make a unary call; return status and trouble, and the message that came back."""
    asked = {**headers, "content-type": GRPC, "te": "trailers"}
    message = b"meshproof"
    status, found, body = exchange(
        connection, url, "POST", asked, GRPC_PREFIX.pack(0, len(message)) + message
    )
    if status != 200:
        return {"status": status, "trouble": f"HTTP {status} instead of gRPC"}, body
    if "grpc-status" not in found:
        raise CallError("malformed answer: no gRPC status")
    code = int(found["grpc-status"])
    if code:
        trouble = f"gRPC {code}: {found.get('grpc-message', '')}"
        return {"status": _STATUS.get(code, 500), "trouble": trouble}, b""
    return {"status": 200}, _message(body)


def _message(body: bytes) -> bytes:
    """Return the one message of an answer."""
    if len(body) < GRPC_PREFIX.size:
        raise CallError("malformed answer: no gRPC message")
    compressed, size = GRPC_PREFIX.unpack_from(body)
    message = body[GRPC_PREFIX.size :]
    if compressed or len(message) != size:
        raise CallError("malformed answer: not one gRPC message")
    return message
