"""Calls to somebody else, of any protocol, each on a connection of its own; many at once."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

from .connection import CallError, Connection, connect, explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from .messages import Answer
    from .specs import CallSpec

#: No batch may ask for more than this, whatever it says.
MOST_CALLS = 10_000
MOST_AT_ONCE = 128
#: The part of a foreign answer that is worth reporting.
_EXCERPT = 500
_GRPC_METHOD = "meshproof.Echo/Say"


def call(spec: CallSpec, started: float | None = None) -> dict[str, Any]:
    """Make one call; what came back or why nothing did, and the milliseconds since ``started``."""
    begun = time.monotonic() if started is None else started
    connection: Connection | None = None
    try:
        connection = connect(spec.address, time.monotonic() + spec.timeout)
        result = PROTOCOLS[spec.protocol](connection, spec)
    except CallError as error:
        result = {"status": None, "trouble": str(error)}
    except OSError as error:
        result = {"status": None, "trouble": str(explain(error, "calling"))}
    except ValueError as error:
        result = {"status": None, "trouble": f"malformed answer: {error}"}
    finally:
        if connection is not None:
            connection.close()
    result["ms"] = round((time.monotonic() - begun) * 1000, 2)
    return result


def repeat(spec: CallSpec, count: int, parallel: int) -> list[dict[str, Any]]:
    """Make a call ``count`` times, ``parallel`` at once; results in order of their start.

    Every call has the timeout for itself.
    """
    count = max(0, min(count, MOST_CALLS))
    results: list[dict[str, Any]] = [{}] * count
    tickets = iter(range(count))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                ticket = next(tickets, None)
            if ticket is None:
                return
            results[ticket] = call(spec)

    size = max(1, min(parallel, count, MOST_AT_ONCE))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(size - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    return results


def _result(spec: CallSpec, answer: Answer) -> dict[str, Any]:
    """Return the result of an HTTP answer: what an agent said of itself, or a stranger's words."""
    result: dict[str, Any] = {"status": answer.status}
    said = _introduction(answer.body)
    if said is None:
        result["body"] = answer.body[:_EXCERPT].decode(errors="replace")
    else:
        seen = said.pop("headers", {})
        # What the caller saw itself counts, whatever the answer says.
        result = {**said, **result}
        if spec.detail:
            result["request_headers"] = seen
    if spec.detail or said is None:
        result["headers"] = answer.headers
    return result


def _introduction(body: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(body)
    except ValueError:
        return None
    return said if isinstance(said, dict) and "pod" in said else None


def _connect(_: Connection, __: CallSpec) -> dict[str, Any]:
    return {"status": 200}


def _http1(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    from . import http1

    answer = http1.exchange(connection, spec.url, spec.method, spec.headers, spec.body)
    return _result(spec, answer)


def _tcp(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    payload = spec.body or b"meshproof\n"
    connection.send(payload)
    said = _introduction(connection.until(b"\n"))
    if said is None or connection.exactly(len(payload)) != payload:
        raise CallError("malformed answer: no echo")
    return {**said, "status": 200}


def _http2(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    # Imported on use: h2 takes longer to load than all the rest of the agent.
    from . import http2

    answer = http2.exchange(connection, spec.url, spec.method, spec.headers, spec.body)
    return _result(spec, answer)


def _grpc(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    from . import http2

    result, message = http2.grpc(connection, spec.url + _GRPC_METHOD, spec.headers)
    said = _introduction(message)
    if said is None and result["status"] == 200:
        raise CallError("malformed answer: not an agent's")
    said = said or {}
    said.pop("headers", None)
    return {**said, **result}


def _raw(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    from . import http1

    connection.send(spec.body)
    return _result(spec, http1.read_answer(connection, spec.body))


def _tls(connection: Connection, spec: CallSpec) -> dict[str, Any]:
    # Imported on use: loading OpenSSL would double the time in which the agent starts.
    from .tls import tls_handshake

    shown = tls_handshake(connection, spec)
    try:
        return {**shown, **_raw(connection, spec)} if spec.body else shown
    except CallError as error:
        return {**shown, "status": None, "trouble": str(error)}


#: Protocols by the name that specs carry.
PROTOCOLS: dict[str, Callable[[Connection, CallSpec], dict[str, Any]]] = {
    "connect": _connect,
    "grpc": _grpc,
    "http1": _http1,
    "http2": _http2,
    "raw": _raw,
    "tcp": _tcp,
    "tls": _tls,
}
