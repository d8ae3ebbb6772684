"""The control port: how the harness speaks to the agent through the API server's pod proxy."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from . import http1
from .calls import address_of
from .messages import Request, Response, told
from .orders import parse, repeat, resolve
from .wire import Trouble, dial

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .answers import Answerer
    from .load import Loads
    from .state import State

#: Where a sidecar's Envoy answers its administrator.
_ADMIN = "127.0.0.1:15000"
_PAGE_SECONDS = 20.0
_EXCERPT = 300


def control(state: State, loads: Loads) -> Answerer:
    """Return the answerer of the control port."""
    routes: dict[str, Callable[[Request], Response]] = {
        "/admin": _admin,
        "/call": _call,
        "/fetch": _fetch,
        "/fail": lambda request: _fail(state, request),
        "/load": lambda request: _load(loads, request),
        "/ready": lambda _: told({"ready": state.ready}, 200 if state.ready else 503),
        "/resolve": _resolve,
        "/who": lambda _: told(state.who),
    }

    def answer(request: Request) -> Response:
        area = "/" + request.path.split("/", 2)[1]
        route = routes.get(area)
        if route is None:
            return told({"error": f"no such page; there are {', '.join(routes)}"}, 404)
        try:
            return route(request)
        except (ValueError, KeyError, TypeError) as error:
            return told({"error": f"bad order: {error!r}"}, 400)

    return answer


def _order(request: Request) -> dict[str, Any]:
    return dict(json.loads(request.body))


def _call(request: Request) -> Response:
    asked = _order(request)
    count = int(asked.get("count", 1))
    try:
        order = parse(asked)
    except Trouble as trouble:
        return told({"results": [{"status": None, "trouble": str(trouble), "ms": 0.0}] * count})
    return told({"results": repeat(order, count, int(asked.get("parallel", 8)))})


def _resolve(request: Request) -> Response:
    try:
        return told({"addresses": resolve(str(_order(request)["host"])), "trouble": ""})
    except Trouble as trouble:
        return told({"addresses": [], "trouble": str(trouble)})


def _load(loads: Loads, request: Request) -> Response:
    if request.method == "POST":
        asked = _order(request)
        try:
            order = parse(asked)
        except Trouble as trouble:
            return told({"id": "", "trouble": str(trouble)})
        return told({"id": loads.start(order, float(asked["rate"]), float(asked["seconds"]))})
    name = request.path.rpartition("/")[2]
    report = loads.report(
        name, after=int(request.query.get("after", 0)), stop=request.method == "DELETE"
    )
    return told({"error": f"no load {name}"}, 404) if report is None else told(report)


def _fail(state: State, request: Request) -> Response:
    state.fail(_order(request))
    return told({"failing": state.failing})


def _admin(request: Request) -> Response:
    url = f"http://{_ADMIN}{request.query['path']}"
    return _page(url, request.method, {}, _PAGE_SECONDS)


def _fetch(request: Request) -> Response:
    asked = _order(request)
    headers = {str(name): str(value) for name, value in asked.get("headers", {}).items()}
    return _page(str(asked["url"]), "GET", headers, float(asked.get("timeout", _PAGE_SECONDS)))


def _page(url: str, method: str, headers: Mapping[str, str], timeout: float) -> Response:
    """Return a page as it is, of whatever size; 502 with the reason if it cannot be had."""
    host, port = address_of(url)
    try:
        wire = dial((resolve(host)[0], port), time.monotonic() + timeout)
        try:
            wire.send(http1.request_bytes(url, method, headers))
            status, found, body = http1.read_response(wire)
        finally:
            wire.close()
    except Trouble as trouble:
        return told({"error": f"{host}:{port}: {trouble}"}, 502)
    if status != 200:
        said = body[:_EXCERPT].decode(errors="replace")
        return told({"error": f"{host}:{port} answers {status}: {said}"}, 502)
    return Response(status, body, found.get("content-type", "text/plain"))
