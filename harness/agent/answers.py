"""What a workload port answers: who it is, who asked, and whatever trouble was ordered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .messages import Request, Response, caller_of, told
from .state import Failing

if TYPE_CHECKING:
    from .state import State

Answerer = Callable[[Request], Response]
#: A longer body is not echoed: answers fit into one HTTP/2 frame and window.
_ECHO = 4096


def workload(state: State) -> Answerer:
    """Return the answerer of the workload ports.

    A request may order its own trouble by query: ``status``, ``delay`` (seconds), ``hang``,
    ``close``; otherwise the instance's own failing counts.
    """

    def answer(request: Request) -> Response:
        failing = _ordered(request) or state.failing
        if not state.suffer(failing):
            return Response(0, b"")
        return told(_introduction(state, request), failing.status or 200)

    return answer


def _ordered(request: Request) -> Failing | None:
    if "?" not in request.target:
        return None
    query = request.query
    wanted = Failing(
        status=int(query.get("status", 0)),
        delay=float(query.get("delay", 0)),
        hang="hang" in query,
        close="close" in query,
    )
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
