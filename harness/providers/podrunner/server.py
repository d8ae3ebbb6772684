"""The kubelet's HTTPS port: container logs; exec, attach and port-forward are refused."""

import ssl
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from harness.providers.podrunner import logs
from harness.providers.podrunner.config import NodeConfig
from harness.providers.podrunner.kubelet import Kubelet
from harness.providers.podrunner.pod_worker import PodWorker

_UNSUPPORTED = ("exec", "attach", "portForward", "run", "cri")


def serve(config: NodeConfig, kubelet: Kubelet) -> None:
    """Serve until the process ends. Only clients whose certificate the cluster signed may ask."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(config.client_ca))
    context.load_cert_chain(config.serving_cert, config.serving_key)
    context.verify_mode = ssl.CERT_REQUIRED
    server = _Server((config.address, config.port), context, kubelet)
    Thread(target=server.serve_forever, name="server", daemon=True).start()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, kubelet: Kubelet) -> None:
        super().__init__(address, _Handler)
        self.kubelet = kubelet
        # Handshakes are left to each connection's own thread: a slow one must hold up nobody.
        self.socket = context.wrap_socket(
            self.socket, server_side=True, do_handshake_on_connect=False
        )

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away, or was refused, is its own business."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: _Server

    def do_GET(self) -> None:
        """Answer for a log, or say that there is no such thing."""
        url = urlsplit(self.path)
        words = [word for word in url.path.split("/") if word]
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if words == ["healthz"]:
            self._respond(HTTPStatus.OK, "ok")
        elif len(words) == 4 and words[0] == "containerLogs":
            self._log(words[1], words[2], words[3], query)
        elif words and words[0] in _UNSUPPORTED:
            self._respond(
                HTTPStatus.NOT_IMPLEMENTED, f"{words[0]} is not supported by the embedded node"
            )
        else:
            self._respond(HTTPStatus.NOT_FOUND, "the embedded node serves logs only")

    do_POST = do_GET  # noqa: N815 - the name is the protocol

    def _log(self, namespace: str, pod: str, container: str, query: dict[str, str]) -> None:
        worker = self.server.kubelet.find(namespace, pod)
        log = worker.log(container, previous=query.get("previous") == "true") if worker else None
        if worker is None or log is None or not log.exists():
            # Bad request, like a kubelet: the API server hides the text of a "not found".
            self._respond(HTTPStatus.BAD_REQUEST, f"container {container} of pod {pod} has no log")
            return
        follow = query.get("follow") == "true"
        start = logs.tail_at(log, int(query["tailLines"])) if query.get("tailLines") else 0
        left = int(query.get("limitBytes") or 0)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        with suppress(ConnectionError, ssl.SSLError, FileNotFoundError):
            self._stream(worker, container, log, start, left=left, follow=follow)

    def _stream(
        self,
        worker: PodWorker,
        container: str,
        log: Path,
        start: int,
        *,
        left: int,
        follow: bool,
    ) -> None:
        for block in logs.read(log, start, lambda: follow and worker.is_running(container)):
            shown = block[:left] if left else block
            self.wfile.write(f"{len(shown):x}\r\n".encode() + shown + b"\r\n")
            if left and len(shown) == left:
                break
            left -= len(shown) if left else 0
        self.wfile.write(b"0\r\n\r\n")

    def _respond(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError, ssl.SSLError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Requests are not logged."""
