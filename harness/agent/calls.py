"""One call to somebody else, of any protocol, on a connection of its own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from . import http1, http2
from .wire import Trouble, Wire, dial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The part of a foreign answer that is worth reporting.
_EXCERPT = 500
_GRPC_METHOD = "meshproof.Echo/Say"


class Order(NamedTuple):
    """What the harness asks for; see :func:`parse`."""

    protocol: str
    address: tuple[str, int]
    url: str
    timeout: float
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    sni: str = ""
    alpn: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    detail: bool = False


def call(order: Order, started: float | None = None) -> dict[str, Any]:
    """Carry out ``order``; the answer or the trouble, and the milliseconds since ``started``."""
    begun = time.monotonic() if started is None else started
    wire: Wire | None = None
    try:
        wire = dial(order.address, time.monotonic() + order.timeout)
        result = SPEAKERS[order.protocol](wire, order)
    except Trouble as trouble:
        result = {"status": None, "trouble": str(trouble)}
    except ValueError as error:
        result = {"status": None, "trouble": f"malformed answer: {error}"}
    finally:
        if wire is not None:
            wire.close()
    result["ms"] = round((time.monotonic() - begun) * 1000, 2)
    return result


def told_by(order: Order, status: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """Return the result of an HTTP answer: what an agent said of itself, or a stranger's words."""
    result: dict[str, Any] = {"status": status}
    said = _introduction(body)
    if said is None:
        result["body"] = body[:_EXCERPT].decode(errors="replace")
    else:
        seen = said.pop("headers", {})
        result.update(said)
        if order.detail:
            result["request_headers"] = seen
    if order.detail or said is None:
        result["headers"] = dict(headers)
    return result


def _introduction(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "pod" in said else None


def _connect(_: Wire, __: Order) -> dict[str, Any]:
    return {"status": 200}


def _http1(wire: Wire, order: Order) -> dict[str, Any]:
    wire.send(http1.request_bytes(order.url, order.method, order.headers, order.body))
    return told_by(order, *http1.read_response(wire))


def _tcp(wire: Wire, order: Order) -> dict[str, Any]:
    payload = order.body or b"meshproof\n"
    wire.send(payload)
    line = wire.until(b"\n")
    if not line:
        raise Trouble("closed without an answer")
    said = _introduction(line)
    if said is None or wire.exactly(len(payload)) != payload:
        raise Trouble("malformed answer")
    return {"status": 200, **said}


def _http2(wire: Wire, order: Order) -> dict[str, Any]:
    return told_by(order, *http2.exchange(wire, order.url, order.method, order.headers, order.body))


def _grpc(wire: Wire, order: Order) -> dict[str, Any]:
    result, message = http2.grpc(wire, order.url + _GRPC_METHOD, order.headers)
    said = _introduction(message)
    if said is None and result["status"] == 200:
        raise Trouble("malformed answer")
    said = said or {}
    said.pop("headers", None)
    return {**said, **result}


def _raw(wire: Wire, order: Order) -> dict[str, Any]:
    wire.send(order.body)
    return told_by(order, *http1.read_response(wire))


def _tls(wire: Wire, order: Order) -> dict[str, Any]:
    # Imported on use: loading OpenSSL would double the time in which the agent starts.
    from .tls import shake_hands

    shown = shake_hands(wire, order)
    try:
        return {**shown, **_raw(wire, order)} if order.body else shown
    except Trouble as trouble:
        return {**shown, "status": None, "trouble": str(trouble)}


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of ``url``."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


#: Protocols by the name that orders carry.
SPEAKERS: dict[str, Callable[[Wire, Order], dict[str, Any]]] = {
    "connect": _connect,
    "grpc": _grpc,
    "http1": _http1,
    "http2": _http2,
    "raw": _raw,
    "tcp": _tcp,
    "tls": _tls,
}
