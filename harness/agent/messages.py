"""Requests and responses, whatever version of HTTP carries them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping


class Request(NamedTuple):
    """A request as it arrived; header names are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    protocol: str
    peer: str

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one the last."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))


class Response(NamedTuple):
    """What goes back. A status of 0 means: close the connection without a word."""

    status: int
    body: bytes
    content_type: str = "application/json"

    @property
    def headers(self) -> dict[str, str]:
        """The headers that belong to the body."""
        return {"content-type": self.content_type, "content-length": str(len(self.body))}


def told(message: Any, status: int = 200) -> Response:
    """Return a response that says ``message`` in JSON."""
    return Response(status, json.dumps(message).encode())


def caller_of(forwarded: str) -> tuple[str, str]:
    """Return the URIs of the nearest caller and of the server itself in an XFCC header.

    The header is Envoy's ``x-forwarded-client-cert``: elements separated by commas, the last
    one by the nearest proxy, each with keys ``By`` (the server), ``URI`` (the caller), ….
    """
    keys: dict[str, str] = {}
    for pair in forwarded.rpartition(",")[2].split(";"):
        key, _, value = pair.partition("=")
        keys[key.strip().lower()] = value.strip('"')
    return keys.get("uri", ""), keys.get("by", "")
