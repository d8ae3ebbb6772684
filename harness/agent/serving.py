"""Listening sockets: a thread accepts, and each connection has a thread of its own."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .connection import CallError, Connection

if TYPE_CHECKING:
    from .answers import Answerer
    from .state import State

Conversation = Callable[[Connection, str], None]
_BACKLOG = 1024
_PREFACE_START = b"PRI "
#: Seconds until a connection is accepted again when there was no room for one.
_PAUSE = 0.05
#: A client that has vanished is noticed: after so many seconds of silence it is asked, so often,
#: so many times.
_KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}


class Listener:
    """A port that is served in the background until :meth:`close`."""

    def __init__(self, host: str, port: int, converse: Conversation) -> None:
        self._socket = socket.create_server((host, port), backlog=_BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._converse = converse
        self._closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop accepting; connections that exist go on."""
        self._closed = True
        # A bare close would leave the accepting thread, and with it the port, alive.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                self._begin(*self._socket.accept())
            except (OSError, RuntimeError):
                # The client has gone, or there is no room for another file or thread.
                time.sleep(_PAUSE)

    def _begin(self, accepted: socket.socket, peer: tuple[str, int]) -> None:
        try:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _KEEPALIVE.items():
                accepted.setsockopt(socket.IPPROTO_TCP, option, value)
            work = (Connection(accepted), peer[0])
            threading.Thread(target=self._serve, args=work, daemon=True).start()
        except BaseException:
            accepted.close()
            raise

    def _serve(self, connection: Connection, peer: str) -> None:
        try:
            self._converse(connection, peer)
        except (CallError, OSError, ValueError):
            return  # A client that goes away or talks nonsense is no concern of this process.
        finally:
            connection.close()


def http(state: State, answer: Answerer) -> Conversation:
    """Return the conversation of an HTTP port: 1.1, or 2 where the client begins so."""

    def converse(connection: Connection, peer: str) -> None:
        # Imported on use: a port is open before the protocols are loaded.
        if connection.peek(len(_PREFACE_START)) == _PREFACE_START:
            from .http2_server import Server

            Server(connection, state, answer, peer).serve()
        else:
            from . import http1

            http1.serve(connection, state, answer, peer)

    return converse


def echo(state: State) -> Conversation:
    """Return the conversation of the TCP port: one line that says who, then what was sent.

    It speaks only when spoken to, because a proxy that guesses protocols waits for the client.
    """
    line = json.dumps(state.who).encode() + b"\n"

    def converse(connection: Connection, _: str) -> None:
        greeting = line
        while said := connection.receive():
            with state:
                failing = state.failing
                if not state.will_answer(failing, connection.gone) or failing.status:
                    return
                connection.send(greeting + said)
                greeting = b""

    return converse
