"""HTTP/1.1, both ends: just enough of RFC 9112 to talk with Envoy and API servers."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .messages import Request, Response
from .wire import Trouble, Wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .answers import Answerer
    from .state import State

_REASONS = {200: "OK", 404: "Not Found", 500: "Internal Server Error", 503: "Service Unavailable"}
_HEAD_END = b"\r\n\r\n"


def serve(wire: Wire, state: State, answer: Answerer, peer: str) -> None:
    """Answer the requests of one connection, one after the other, until either side closes.

    While draining, an answer closes its connection, so that pools of callers let go of it.
    """
    while head := wire.until(_HEAD_END):
        with state:
            line, headers = parse_head(head)
            method, target, _ = line.split(" ", 2)
            body = _read_body(wire, headers, default=0)
            response = answer(Request(method, target, headers, body, "HTTP/1.1", peer))
            if not response.status:
                return
            last = state.draining.is_set() or headers.get("connection", "").lower() == "close"
            wire.send(_render(response, last=last))
        if last:
            return


def request_bytes(url: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """Return the request for ``url``; a ``host`` among ``headers`` wins over the URL's."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"host": parts.netloc, "connection": "close", "user-agent": "meshproof"}
    fields.update({name.lower(): value for name, value in headers.items()})
    if body:
        fields["content-length"] = str(len(body))
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {fields[name]}" for name in fields)]
    return "\r\n".join(lines).encode() + _HEAD_END + body


def read_response(wire: Wire) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer on ``wire``."""
    head = wire.until(_HEAD_END)
    if not head:
        raise Trouble("malformed answer" if wire.buffer else "closed without an answer")
    line, headers = parse_head(head)
    if not line.startswith("HTTP/1."):
        raise Trouble("malformed answer")
    status = int(line.split(" ", 2)[1])
    bodiless = status in (204, 304)
    return status, headers, b"" if bodiless else _read_body(wire, headers, default=None)


def parse_head(head: bytes) -> tuple[str, dict[str, str]]:
    """Return first line and headers (names in lower case, repeated ones joined by commas)."""
    line, *fields = head[:-4].decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for field in fields:
        name, _, value = field.partition(":")
        name, value = name.lower(), value.strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return line, headers


def _read_body(wire: Wire, headers: Mapping[str, str], *, default: int | None) -> bytes:
    if "chunked" in headers.get("transfer-encoding", ""):
        return _read_chunks(wire)
    length = headers.get("content-length")
    size = int(length) if length is not None else default
    return wire.rest() if size is None else wire.exactly(size)


def _read_chunks(wire: Wire) -> bytes:
    body = b""
    while size := int(wire.until(b"\r\n").split(b";")[0] or b"0", 16):
        body += wire.exactly(size + 2)[:-2]
    while wire.until(b"\r\n") not in (b"\r\n", b""):
        pass
    return body


def _render(response: Response, *, last: bool) -> bytes:
    reason = _REASONS.get(response.status, "Answered")
    head = f"HTTP/1.1 {response.status} {reason}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    return (head + ("connection: close\r\n\r\n" if last else "\r\n")).encode() + response.body
