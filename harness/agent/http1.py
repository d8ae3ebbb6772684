"""HTTP/1.1, both ends, as h11 speaks it. An answer that breaks off is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11

from .connection import MOST_BYTES, CallError, Connection
from .messages import Answer, Request, joined, target_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Answerer
    from .messages import Response
    from .state import State

_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}
_LONGEST_HEAD = 1 << 18


def exchange(
    connection: Connection, url: str, method: str, headers: Mapping[str, str], body: bytes = b""
) -> Answer:
    """Send one request and return its answer; ``host`` among ``headers`` wins over the URL's."""
    authority, target = target_of(url)
    fields = {"host": authority, "connection": "close", "user-agent": "meshproof"}
    fields.update({name.lower(): value for name, value in headers.items()})
    if body:
        fields["content-length"] = str(len(body))
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
    named = [(name.encode(), value.encode()) for name, value in fields.items()]
    try:
        request = h11.Request(method=method, target=target.encode(), headers=named)
        connection.send(_rendered(protocol, request, body))
    except h11.LocalProtocolError as error:
        raise CallError(f"no request that could be sent: {error}") from error
    return _answer(connection, protocol)


def read_answer(connection: Connection, request: bytes) -> Answer:
    """Return the answer to a ``request`` that was sent as bytes."""
    method = request.partition(b" ")[0]
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
    # The protocol must have seen a request; of it, only the method matters for the answer.
    seen = h11.Request(
        method="HEAD" if method == b"HEAD" else "GET", target="/", headers=[("host", "")]
    )
    _rendered(protocol, seen, b"")
    return _answer(connection, protocol)


def serve(connection: Connection, state: State, answer: Answerer, peer: str) -> None:
    """Answer the requests of one connection, one after the other, until either side closes.

    While draining, an answer closes its connection, so that pools of callers let go of it.
    """
    protocol = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)
    while True:
        try:
            request = _request(connection, protocol, peer)
        except h11.RemoteProtocolError as error:
            _refuse(connection, protocol, error)
            return
        if request is None or not _served(connection, protocol, state, answer, request):
            return
        protocol.start_next_cycle()


def _served(
    connection: Connection, protocol: h11.Connection, state: State, answer: Answerer, asked: Request
) -> bool:
    """Answer ``asked``; ``False`` if the connection ends with that."""
    with state:
        response = answer(asked)
        if not response.status:
            return False
        last = state.draining.is_set()
        connection.send(
            _rendered(protocol, _head(response, last=last), response.content(asked.method))
        )
    return protocol.our_state is h11.DONE and protocol.their_state is h11.DONE


def _request(connection: Connection, protocol: h11.Connection, peer: str) -> Request | None:
    """Return the next request; ``None`` if the client has no more."""
    head = _event(connection, protocol)
    if not isinstance(head, h11.Request):
        return None
    if protocol.they_are_waiting_for_100_continue:
        go_on = h11.InformationalResponse(status_code=100, headers=[])
        connection.send(protocol.send(go_on) or b"")
    body, _ = _body(connection, protocol)
    return Request(
        method=head.method.decode(),
        target=head.target.decode("latin-1"),
        headers=joined(head.headers),
        body=body,
        protocol="HTTP/1.1",
        peer=peer,
        gone=connection.gone,
    )


def _refuse(
    connection: Connection, protocol: h11.Connection, error: h11.RemoteProtocolError
) -> None:
    """Say that a request is none, as long as there is somebody to hear it."""
    if protocol.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not connection.cut_off:
        fields = [("connection", "close"), ("content-length", "0")]
        head = h11.Response(status_code=error.error_status_hint, headers=fields)
        connection.send(_rendered(protocol, head, b""))


def _head(response: Response, *, last: bool) -> h11.Response:
    fields = [*response.headers.items(), *([("connection", "close")] if last else [])]
    reason = _REASONS.get(response.status, "Answered")
    return h11.Response(status_code=response.status, headers=fields, reason=reason)


def _rendered(protocol: h11.Connection, head: h11.Request | h11.Response, body: bytes) -> bytes:
    said = [protocol.send(head), protocol.send(h11.Data(body)) if body else b""]
    return b"".join(filter(None, (*said, protocol.send(h11.EndOfMessage()))))


def _answer(connection: Connection, protocol: h11.Connection) -> Answer:
    try:
        head = _event(connection, protocol)
        while isinstance(head, h11.InformationalResponse):
            head = _event(connection, protocol)
        if not isinstance(head, h11.Response):
            raise connection.cut_off or CallError(f"malformed answer: {head!r}")
        body, trailers = _body(connection, protocol)
    except h11.RemoteProtocolError as error:
        raise connection.cut_off or CallError(f"malformed answer: {error}") from error
    return Answer(head.status_code, {**joined(head.headers), **trailers}, body)


def _body(connection: Connection, protocol: h11.Connection) -> tuple[bytes, dict[str, str]]:
    """Return the body that follows a head, and the trailers; only a whole one returns."""
    body = bytearray()
    while isinstance(event := _event(connection, protocol), h11.Data):
        body += event.data
        if len(body) > MOST_BYTES:
            raise CallError("malformed answer: too long")
    if not isinstance(event, h11.EndOfMessage):
        raise connection.cut_off or CallError(f"malformed answer: {event!r}")
    return bytes(body), joined(event.headers)


def _event(connection: Connection, protocol: h11.Connection) -> Any:
    while (event := protocol.next_event()) is h11.NEED_DATA:
        protocol.receive_data(connection.receive())
    return event
