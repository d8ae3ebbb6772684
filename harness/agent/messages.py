"""Requests and answers, whatever version of HTTP carries them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

#: Statuses whose answers have no body, whatever their headers say.
BODILESS = (204, 304)
#: Everything up to a separator that stands outside of quotes; in quotes, a backslash escapes.
_ELEMENT = re.compile(r'(?:[^",]|"(?:\\.|[^"\\])*"?)+')
_PAIR = re.compile(r'(?:[^";]|"(?:\\.|[^"\\])*"?)+')


class Request(NamedTuple):
    """A request as it arrived; header names are in lower case.

    ``gone`` waits for the client to give up, at most the seconds it is told.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    protocol: str
    peer: str
    gone: Callable[[float], bool]

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
        if self.status in BODILESS:
            return {}
        return {"content-type": self.content_type, "content-length": str(len(self.body))}

    def content(self, method: str) -> bytes:
        """Return what follows the headers in answer to ``method``."""
        return b"" if method == "HEAD" or self.status in BODILESS else self.body


class Answer(NamedTuple):
    """A whole answer to a call: status, headers (and trailers), body."""

    status: int
    headers: dict[str, str]
    body: bytes


def json_response(message: Any, status: int = 200) -> Response:
    """Return a response that says ``message`` in JSON."""
    return Response(status, json.dumps(message).encode())


def joined(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return header fields by name, in lower case; repeated ones are joined by commas."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in fields:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def target_of(url: str) -> tuple[str, str]:
    """Return authority and request target of ``url``."""
    parts = urlsplit(url)
    return parts.netloc, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def caller_of(forwarded: str) -> tuple[str, str]:
    """Return the URIs of the nearest caller and of the server itself in an XFCC header.

    The header is Envoy's ``x-forwarded-client-cert``: elements separated by commas, the last
    one by the nearest proxy, each with keys ``By`` (the server), ``URI`` (the caller), …, of
    which the first counts where one is repeated. Values may be quoted, a quote in them escaped.
    """
    elements = _ELEMENT.findall(forwarded)
    keys: dict[str, str] = {}
    for pair in _PAIR.findall(elements[-1]) if elements else ():
        key, _, value = pair.partition("=")
        keys.setdefault(key.strip().lower(), _unquoted(value.strip()))
    return keys.get("uri", ""), keys.get("by", "")


def _unquoted(value: str) -> str:
    if len(value) < 2 or not (value[0] == value[-1] == '"'):
        return value
    return value[1:-1].replace('\\"', '"')
