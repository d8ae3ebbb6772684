"""What the harness asks for: calls as data, read from its JSON."""

from __future__ import annotations

import socket
from base64 import b64decode
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from .connection import explain

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOST_SECONDS = 120.0


class CallSpec(NamedTuple):
    """One call; see :func:`parse`."""

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


def parse(asked: Mapping[str, Any]) -> CallSpec:
    """Return the call that ``asked`` describes, its host resolved once for all repetitions.

    Raises :class:`~agent.connection.CallError` if the name has no address.
    """
    url = str(asked.get("url", ""))
    host, port = address_of(url) if url else (str(asked["host"]), int(asked["port"]))
    return CallSpec(
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


def address_of(url: str) -> tuple[str, int]:
    """Return host and port of ``url``."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80
