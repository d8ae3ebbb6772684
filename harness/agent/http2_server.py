"""The server's end of HTTP/2 in clear text, and of gRPC's unary calls over it."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from h2 import events
from h2.exceptions import H2Error

from .connection import MOST_BYTES, CallError, Connection
from .http2 import GRPC, GRPC_PREFIX
from .http2_link import Link
from .messages import Request, Response, joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from h2.connection import H2Connection
    from hyperframe.frame import GoAwayFrame

    from .answers import Answerer
    from .state import State


class _Stream(NamedTuple):
    """A request that is under way, or being answered. ``gone`` is set when nobody waits for it."""

    number: int
    headers: dict[str, str]
    body: bytearray
    gone: threading.Event

    @property
    def grpc(self) -> bool:
        return self.headers.get("content-type", "").startswith(GRPC)


class Server:
    """One connection: reads in its own thread, answers each stream in another.

    An answer waits for the client's windows, and for no longer than the client stays.
    """

    def __init__(self, connection: Connection, state: State, answer: Answerer, peer: str) -> None:
        self._link = Link(connection, client=False)
        self._state = state
        self._answer = answer
        self._peer = peer
        self._streams: dict[int, _Stream] = {}
        self._lock = threading.Condition()
        self._closed = False

    def serve(self) -> None:
        """Answer until the client goes away."""
        try:
            self._link.flush()
            while data := self._link.connection.receive():
                self._take(data)
        finally:
            self._end()

    def _take(self, data: bytes) -> None:
        with self._lock:
            for event in self._link.take(data):
                self._note(event)
            self._link.flush()
            self._lock.notify_all()  # Windows may be wider, or streams gone.

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            for stream in self._streams.values():
                stream.gone.set()
            self._lock.notify_all()

    def _note(self, event: events.Event | GoAwayFrame) -> None:
        if isinstance(event, events.RequestReceived) and event.stream_id:
            headers = joined(event.headers or ())
            stream = _Stream(event.stream_id, headers, bytearray(), threading.Event())
            self._streams[event.stream_id] = stream
        elif isinstance(event, events.DataReceived):
            self._note_data(event)
        elif isinstance(event, events.StreamReset):
            if gone := self._streams.pop(event.stream_id or 0, None):
                gone.gone.set()
        elif isinstance(event, events.StreamEnded):
            stream = self._streams[event.stream_id or 0]
            threading.Thread(target=self._respond, args=(stream,), daemon=True).start()

    def _note_data(self, event: events.DataReceived) -> None:
        stream = self._streams.get(event.stream_id or 0)
        if stream is None:
            return
        stream.body.extend(event.data or b"")
        if len(stream.body) > MOST_BYTES:
            raise CallError("malformed request: too long")
        if size := event.flow_controlled_length:
            self._link.h2.acknowledge_received_data(size, stream.number)

    def _respond(self, stream: _Stream) -> None:
        try:
            with self._state:
                self._say(stream, self._answer(self._request(stream)))
        except CallError:
            return  # The client has gone; its connection's own thread ends as well.
        finally:
            with self._lock:
                self._streams.pop(stream.number, None)

    def _request(self, stream: _Stream) -> Request:
        headers, body = stream.headers, bytes(stream.body)
        seen = {name: value for name, value in headers.items() if not name.startswith(":")}
        seen.setdefault("host", headers.get(":authority", ""))
        return Request(
            method=headers.get(":method", ""),
            target=headers.get(":path", ""),
            headers=seen,
            body=body[GRPC_PREFIX.size :] if stream.grpc else body,
            protocol="gRPC" if stream.grpc else "HTTP/2",
            peer=self._peer,
            gone=stream.gone.wait,
        )

    def _say(self, stream: _Stream, response: Response) -> None:
        if not response.status:
            self._link.connection.close()
            return
        if stream.grpc and response.status == 200:
            self._say_grpc(stream, response)
            return
        body = response.content(stream.headers.get(":method", ""))
        fields = {":status": str(response.status), **response.headers}
        self._send_headers(stream, fields, last=not body)
        self._send_body(stream, body, last=True)

    def _say_grpc(self, stream: _Stream, response: Response) -> None:
        self._send_headers(stream, {":status": "200", "content-type": GRPC}, last=False)
        message = GRPC_PREFIX.pack(0, len(response.body)) + response.body
        self._send_body(stream, message, last=False)
        self._send_headers(stream, {"grpc-status": "0"}, last=True)

    def _send_headers(self, stream: _Stream, fields: dict[str, str], *, last: bool) -> None:
        named = [(name.encode(), value.encode()) for name, value in fields.items()]
        with self._speaking(stream) as protocol:
            protocol.send_headers(stream.number, named, end_stream=last)

    def _send_body(self, stream: _Stream, body: bytes, *, last: bool) -> None:
        while body:
            with self._speaking(stream) as protocol:
                room = min(self._room(stream), protocol.max_outbound_frame_size)
                part, body = body[:room], body[room:]
                protocol.send_data(stream.number, part, end_stream=last and not body)

    def _room(self, stream: _Stream) -> int:
        """Wait until the client's windows let something through; return how much."""

        def look() -> int:
            self._check(stream)
            return max(0, self._link.h2.local_flow_control_window(stream.number))

        return self._lock.wait_for(look)

    @contextmanager
    def _speaking(self, stream: _Stream) -> Iterator[H2Connection]:
        """Have the connection for oneself, and send what was said."""
        with self._lock:
            self._check(stream)
            try:
                yield self._link.h2
            except H2Error as error:
                raise CallError(f"nobody hears the answer: {error}") from error
            self._link.flush()

    def _check(self, stream: _Stream) -> None:
        if self._closed or stream.gone.is_set():
            raise CallError("the client has gone")
