"""From the harness's JSON to orders, and many of them at once."""

from __future__ import annotations

import socket
import threading
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from .calls import Order, address_of, call
from .wire import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

#: No order may ask for more than this, whatever it says.
MOST_CALLS = 10_000
MOST_AT_ONCE = 128
_MOST_SECONDS = 120.0


def parse(asked: Mapping[str, Any]) -> Order:
    """Return the order that ``asked`` describes, its host resolved once for all its calls.

    Raises :class:`~agent.wire.Trouble` if the name has no address.
    """
    url = str(asked.get("url", ""))
    host, port = address_of(url) if url else (str(asked["host"]), int(asked["port"]))
    return Order(
        protocol=str(asked.get("protocol", "http1")),
        address=(resolve(host)[0], port),
        url=url or f"http://{host}:{port}/",
        timeout=min(float(asked.get("timeout", 5.0)), _MOST_SECONDS),
        method=str(asked.get("method", "GET")),
        headers={str(name): str(value) for name, value in asked.get("headers", {}).items()},
        body=b64decode(asked.get("body", "")),
        sni=str(asked.get("sni", "")),
        alpn=tuple(asked.get("alpn", ())),
        certificate=str(asked.get("certificate", "")),
        key=str(asked.get("key", "")),
        detail=bool(asked.get("detail")),
    )


def resolve(host: str) -> list[str]:
    """Return the addresses of ``host`` as this pod's resolver sees them, IPv4 first."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise explain(error, "resolving") from error
    return sorted({str(entry[4][0]) for entry in found}, key=lambda address: ":" in address)


def repeat(order: Order, count: int, parallel: int) -> list[dict[str, Any]]:
    """Carry out ``order`` ``count`` times, ``parallel`` at once; results in order of their start.

    Every call has the order's timeout for itself.
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
            results[ticket] = call(order)

    size = max(1, min(parallel, count, MOST_AT_ONCE))
    threads = [threading.Thread(target=work, daemon=True) for _ in range(size - 1)]
    for thread in threads:
        thread.start()
    work()
    for thread in threads:
        thread.join()
    return results
