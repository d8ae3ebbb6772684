"""The control port: how the harness speaks to the agent, and nobody else does.

Everything but ``/ready`` asks for the token of the namespace's Secret in a header.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from .calls import repeat
from .connection import CallError, connect
from .messages import Request, Response, json_response
from .specs import address_of, parse, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .answers import Answerer
    from .load import Loads
    from .state import State

#: The header in which the harness shows the token; the API server's proxy strips Authorization.
_HEADER = "x-meshproof-token"
#: Where a sidecar's Envoy answers its administrator.
_ADMIN = "127.0.0.1:15000"
_PAGE_SECONDS = 20.0
_EXCERPT = 300


def control(state: State, loads: Loads, token: str) -> Answerer:
    """Return the answerer of the control port; without a ``token`` it lets nobody in."""
    ready: dict[str, Callable[[Request], Response]] = {
        "/ready": lambda _: json_response({"ready": state.ready}, 200 if state.ready else 503),
    }
    guarded: dict[str, Callable[[Request], Response]] = {
        "/admin": _admin,
        "/call": _call,
        "/fetch": _fetch,
        "/fail": lambda request: _fail(state, request),
        "/load": lambda request: _load(loads, request),
        "/resolve": _resolve,
        "/who": lambda _: json_response(state.who),
    }

    def answer(request: Request) -> Response:
        area = "/" + request.path.lstrip("/").split("/", 1)[0]
        if area not in ready and not _admitted(request, token):
            return json_response({"error": f"only with the token in {_HEADER}"}, 403)
        route = {**ready, **guarded}.get(area)
        if route is None:
            return json_response({"error": f"no such page; there are {', '.join(guarded)}"}, 404)
        try:
            return route(request)
        except (ValueError, KeyError, TypeError) as error:
            return json_response({"error": f"bad request: {error!r}"}, 400)

    return answer


def _admitted(request: Request, token: str) -> bool:
    # Imported on use: it loads OpenSSL, which nobody needs who waits for the first probe.
    from hmac import compare_digest

    shown = request.headers.get(_HEADER, "")
    return bool(token) and compare_digest(shown.encode(), token.encode())


def _asked(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.body))


def _call(request: Request) -> Response:
    asked = _asked(request)
    count = int(asked.get("count", 1))
    try:
        spec = parse(asked)
    except CallError as error:
        unmade = {"status": None, "trouble": str(error), "ms": 0.0}
        return json_response({"results": [unmade] * count})
    return json_response({"results": repeat(spec, count, int(asked.get("parallel", 8)))})


def _resolve(request: Request) -> Response:
    try:
        return json_response({"addresses": resolve(str(_asked(request)["host"])), "trouble": ""})
    except CallError as error:
        return json_response({"addresses": [], "trouble": str(error)})


def _load(loads: Loads, request: Request) -> Response:
    if request.method == "POST":
        asked = _asked(request)
        try:
            spec = parse(asked)
        except CallError as error:
            return json_response({"id": "", "trouble": str(error)})
        return json_response(
            {"id": loads.start(spec, float(asked["rate"]), float(asked["seconds"]))}
        )
    name = request.path.rpartition("/")[2]
    report = loads.report(
        name, after=int(request.query.get("after", 0)), stop=request.method == "DELETE"
    )
    if report is None:
        return json_response({"error": f"no load {name}"}, 404)
    return json_response(report)


def _fail(state: State, request: Request) -> Response:
    state.fail(_asked(request))
    return json_response({"failing": state.failing})


def _admin(request: Request) -> Response:
    url = f"http://{_ADMIN}{request.query['path']}"
    return _page(url, request.method, {}, _PAGE_SECONDS)


def _fetch(request: Request) -> Response:
    asked = _asked(request)
    headers = {str(name): str(value) for name, value in asked.get("headers", {}).items()}
    return _page(str(asked["url"]), "GET", headers, float(asked.get("timeout", _PAGE_SECONDS)))


def _page(url: str, method: str, headers: Mapping[str, str], timeout: float) -> Response:
    """Return a page as it is, of whatever size; 502 with the reason if it cannot be had."""
    from . import http1

    host, port = address_of(url)
    try:
        connection = connect((resolve(host)[0], port), time.monotonic() + timeout)
        try:
            status, found, body = http1.exchange(connection, url, method, headers)
        finally:
            connection.close()
    except CallError as error:
        return json_response({"error": f"{host}:{port}: {error}"}, 502)
    if status != 200:
        said = body[:_EXCERPT].decode(errors="replace")
        return json_response({"error": f"{host}:{port} answers {status}: {said}"}, 502)
    return Response(status, body, found.get("content-type", "text/plain"))
