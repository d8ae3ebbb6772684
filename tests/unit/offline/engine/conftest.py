"""Engines that are a thread behind a socket, and a home without an engine."""

import json
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from harness.artifacts.home import HOME_VARIABLE
from harness.providers.offline.engine import discover
from harness.providers.offline.engine.connection import HOST_VARIABLE
from harness.providers.offline.engine.engine_dir import EngineDir, own

DOCKER = {
    "Version": "20.10.24+dfsg1",
    "ApiVersion": "1.41",
    "Components": [{"Name": "Engine"}],
}
#: Starts a server at a path that answers with this to every question.
Serve = Callable[[Path, object], str]


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers over a Unix socket."""

    daemon_threads = True


def handler(told: object) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(told).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "a client"

        def log_message(self, *_: object) -> None:
            return

    return Handler


@pytest.fixture
def short() -> Iterator[Path]:
    """A directory with a path that is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="mp-") as path:
        yield Path(path)


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Server] = []

    def start(path: Path, told: object) -> str:
        path.parent.mkdir(parents=True, exist_ok=True)
        servers.append(Server(str(path), handler(told)))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"unix://{path}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def machines(short: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The socket where the machine's engine would listen; nobody does at first."""
    monkeypatch.setenv(HOME_VARIABLE, str(short / "home"))
    monkeypatch.delenv(HOST_VARIABLE, raising=False)
    path = short / "machine.sock"
    monkeypatch.setattr(discover, "default_sockets", lambda: [path])
    return path


@pytest.fixture
def place(machines: Path) -> EngineDir:
    """The place of our own engine, which is down."""
    return own()


def version(number: str, name: str = "Engine") -> Mapping[str, object]:
    return {**DOCKER, "Version": number, "Components": [{"Name": name}]}
