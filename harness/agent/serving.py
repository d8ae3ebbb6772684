"""Listening sockets: a thread accepts, and each connection has a thread of its own."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from . import http1, http2
from .wire import Trouble, Wire

if TYPE_CHECKING:
    from .answers import Answerer
    from .state import State

Conversation = Callable[[Wire, str], None]
_BACKLOG = 1024
_PREFACE_START = b"PRI "


class Listener:
    """A port that is served in the background until :meth:`close`."""

    def __init__(self, host: str, port: int, converse: Conversation) -> None:
        self._socket = socket.create_server((host, port), backlog=_BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._converse = converse
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop accepting; connections that exist go on."""
        # A bare close would leave the accepting thread, and with it the port, alive.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                plug, peer = self._socket.accept()
            except OSError:
                return
            plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(Wire(plug), peer[0]), daemon=True).start()

    def _serve(self, wire: Wire, peer: str) -> None:
        try:
            self._converse(wire, peer)
        except (Trouble, OSError, ValueError):
            return  # A client that goes away or talks nonsense is no concern of this process.
        finally:
            wire.close()


def http(state: State, answer: Answerer) -> Conversation:
    """Return the conversation of an HTTP port: 1.1, or 2 where the client begins so."""

    def converse(wire: Wire, peer: str) -> None:
        while len(wire.buffer) < len(_PREFACE_START) and wire.more():
            pass
        if wire.buffer.startswith(_PREFACE_START):
            http2.Server(wire, state, answer, peer).serve()
        else:
            http1.serve(wire, state, answer, peer)

    return converse


def echo(state: State) -> Conversation:
    """Return the conversation of the TCP port: one line that says who, then what was sent.

    It speaks only when spoken to, because a proxy that guesses protocols waits for the client.
    """
    line = json.dumps(state.who).encode() + b"\n"

    def converse(wire: Wire, _: str) -> None:
        greeting = line
        while wire.more():
            with state:
                if not state.suffer(state.failing) or state.failing.status:
                    return
                said, wire.buffer = wire.buffer, b""
                wire.send(greeting + said)
                greeting = b""

    return converse
