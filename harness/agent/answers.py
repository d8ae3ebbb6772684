"""What a workload port answers: who it is, who asked, or whatever misbehaviour was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .messages import Request, Response, caller_of, json_response
from .state import Failing

if TYPE_CHECKING:
    from .state import State

Answerer = Callable[[Request], Response]
#: A longer body is not echoed: answers are about the path, not about volume.
_ECHO = 4096
_STATUSES = range(200, 600)


def workload(state: State) -> Answerer:
    """Return the answerer of the workload ports.

    A request may ask for its own misbehaviour by query: ``status``, ``delay`` (seconds),
    ``hang``, ``close``; otherwise the instance's own failing counts.
    """

    def answer(request: Request) -> Response:
        try:
            failing = _asked_for(request) or state.failing
        except ValueError as error:
            return json_response({"error": f"bad query: {error}"}, 400)
        if not state.will_answer(failing, request.gone):
            return Response(0, b"")
        return json_response(_introduction(state, request), failing.status or 200)

    return answer


def _asked_for(request: Request) -> Failing | None:
    if "?" not in request.target:
        return None
    query = request.query
    wanted = Failing(
        status=int(query.get("status", 0)),
        delay=float(query.get("delay", 0)),
        hang="hang" in query,
        close="close" in query,
    )
    if wanted.status and wanted.status not in _STATUSES:
        raise ValueError(f"no answer ends with status {wanted.status}")
    if not 0 <= wanted.delay < float("inf"):
        raise ValueError(f"no delay takes {wanted.delay} s")
    return wanted if wanted != Failing() else None


def _introduction(state: State, request: Request) -> dict[str, object]:
    identity, server_identity = caller_of(request.headers.get("x-forwarded-client-cert", ""))
    return {
        **state.who,
        "identity": identity,
        "server_identity": server_identity,
        "protocol": request.protocol,
        "method": request.method,
        "path": request.target,
        "peer": request.peer,
        "headers": request.headers,
        "echo": request.body[:_ECHO].decode(errors="replace"),
    }
