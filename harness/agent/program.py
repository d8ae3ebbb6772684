"""The agent's life: open the ports, serve, and on SIGTERM leave without losing a request."""

from __future__ import annotations

import os
import signal
import time

from .answers import workload
from .control import control
from .load import Loads
from .serving import Listener, echo, http
from .state import State

#: Ports by purpose; the environment variable of each may say another one (0: any free one).
PORTS = {"HTTP_PORT": 8080, "GRPC_PORT": 7070, "TCP_PORT": 9000, "CONTROL_PORT": 9001}
_ENDINGS = (signal.SIGTERM, signal.SIGINT)
#: A drain lasts until nobody has called for the first of these (seconds), at most the second.
_QUIET = 2.0
_LONGEST = 12.0


def main() -> int:
    """Serve until SIGTERM, then drain."""
    # Blocked here, before there are threads, a signal waits until sigwait asks for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDINGS)
    state = State()
    listeners = _open(state)
    signal.sigwait(_ENDINGS)
    _drain(state)
    for listener in listeners:
        listener.close()
    return 0


def _open(state: State) -> list[Listener]:
    host = os.environ.get("LISTEN", "")
    pages = http(state, workload(state))
    conversations = {
        "HTTP_PORT": pages,
        "GRPC_PORT": pages,
        "TCP_PORT": echo(state),
        "CONTROL_PORT": http(
            State({}), control(state, Loads(), os.environ.get("CONTROL_TOKEN", ""))
        ),
    }
    return [
        Listener(host, int(os.environ.get(name, PORTS[name])), conversation)
        for name, conversation in conversations.items()
    ]


def _drain(state: State) -> None:
    """Fail readiness and go on serving until callers have taken notice."""
    state.draining.set()
    began = time.monotonic()
    quiet = float(os.environ.get("DRAIN_QUIET", _QUIET))
    while time.monotonic() - began < _LONGEST:
        still = quiet - min(state.quiet_for(), time.monotonic() - began)
        if still <= 0:
            return
        time.sleep(min(still, 0.1))
