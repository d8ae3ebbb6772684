"""HTTP/2 in clear text with prior knowledge, both ends, and gRPC's unary calls over it."""

from __future__ import annotations

import struct
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import frames
from .hpack import Decoder, encode
from .messages import Request, Response
from .wire import Trouble, Wire

if TYPE_CHECKING:
    from .answers import Answerer
    from .state import State

_GRPC = "application/grpc"
_GRPC_PREFIX = struct.Struct(">BL")


class Server:
    """One connection: reads in its own thread, answers each stream in another.

    Answers are shorter than a frame and than any stream's first window; only the window of
    the whole connection can run out, and then frames wait for the client to widen it.
    """

    def __init__(self, wire: Wire, state: State, answer: Answerer, peer: str) -> None:
        self._wire = wire
        self._state = state
        self._answer = answer
        self._peer = peer
        self._decoder = Decoder()
        self._requests: dict[int, tuple[dict[str, str], bytearray]] = {}
        self._room = frames.WINDOW
        self._lock = threading.Condition()

    def serve(self) -> None:
        """Answer until the client goes away."""
        self._wire.exactly(len(frames.PREFACE))
        self._send(frames.render(frames.SETTINGS, 0, 0))
        while True:
            self._take(frames.read(self._wire))

    def _take(self, frame: frames.Frame) -> None:
        if reply := frames.granted(frame):
            self._send(reply)
        if frame.kind == frames.WINDOW_UPDATE and frame.stream == 0:
            self._widen(int.from_bytes(frame.payload, "big"))
        elif frame.kind == frames.RESET:
            self._requests.pop(frame.stream, None)
        elif frame.kind == frames.HEADERS:
            headers = dict(frames.block(self._wire, frame, self._decoder))
            self._requests.setdefault(frame.stream, (headers, bytearray()))
        elif frame.kind == frames.DATA and frame.stream in self._requests:
            self._requests[frame.stream][1].extend(frames.content(frame))
        if frame.ends and frame.stream in self._requests:
            headers, body = self._requests.pop(frame.stream)
            work = (frame.stream, headers, bytes(body))
            threading.Thread(target=self._respond, args=work, daemon=True).start()

    def _respond(self, stream: int, headers: dict[str, str], body: bytes) -> None:
        try:
            with self._state:
                self._say(stream, headers, self._answer(self._request(headers, body)))
        except Trouble:
            return  # The client has gone; its connection's own thread ends as well.

    def _request(self, headers: dict[str, str], body: bytes) -> Request:
        grpc = headers.get("content-type", "").startswith(_GRPC)
        seen = {name: value for name, value in headers.items() if not name.startswith(":")}
        seen.setdefault("host", headers.get(":authority", ""))
        method, target = headers.get(":method", ""), headers.get(":path", "")
        words = body[_GRPC_PREFIX.size :] if grpc else body
        return Request(method, target, seen, words, "gRPC" if grpc else "HTTP/2", self._peer)

    def _say(self, stream: int, headers: Mapping[str, str], response: Response) -> None:
        if not response.status:
            self._wire.close()
            return
        grpc = headers.get("content-type", "").startswith(_GRPC) and response.status == 200
        fields = {":status": str(response.status), **response.headers}
        body = response.body
        if grpc:
            fields = {":status": "200", "content-type": _GRPC}
            body = _GRPC_PREFIX.pack(0, len(body)) + body
        self._reserve(len(body))
        opening = encode(fields.items())
        said = frames.render(frames.HEADERS, frames.END_HEADERS, stream, opening)
        said += frames.render(frames.DATA, 0 if grpc else frames.END_STREAM, stream, body)
        if grpc:
            flags = frames.END_HEADERS | frames.END_STREAM
            said += frames.render(frames.HEADERS, flags, stream, encode([("grpc-status", "0")]))
        self._send(said)

    def _send(self, data: bytes) -> None:
        with self._lock:
            self._wire.send(data)

    def _reserve(self, size: int) -> None:
        with self._lock:
            self._lock.wait_for(lambda: self._room >= size)
            self._room -= size

    def _widen(self, size: int) -> None:
        with self._lock:
            self._room += size
            self._lock.notify_all()


def exchange(
    wire: Wire, url: str, method: str, headers: Mapping[str, str], body: bytes = b""
) -> tuple[int, dict[str, str], bytes]:
    """Send one request on a new connection; return status, headers (and trailers) and body."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    named = {name.lower(): value for name, value in headers.items()}
    fields = {
        ":method": method,
        ":scheme": "http",
        ":path": target,
        ":authority": named.pop("host", parts.netloc),
        "user-agent": "meshproof",
        **named,
    }
    flags = frames.END_HEADERS | (0 if body else frames.END_STREAM)
    said = frames.PREFACE + frames.render(frames.SETTINGS, 0, 0)
    said += frames.render(frames.HEADERS, flags, 1, encode(fields.items()))
    if body:
        said += frames.render(frames.DATA, frames.END_STREAM, 1, body)
    wire.send(said)
    return _answer(wire)


def _answer(wire: Wire) -> tuple[int, dict[str, str], bytes]:
    decoder = Decoder()
    headers: dict[str, str] = {}
    body = b""
    while True:
        frame = frames.read(wire)
        if reply := frames.granted(frame):
            wire.send(reply)
        if frame.kind == frames.GOAWAY or (frame.kind == frames.RESET and frame.stream == 1):
            raise Trouble(
                "stream reset" if frame.kind == frames.RESET else "connection refused late"
            )
        if frame.kind == frames.HEADERS:
            headers.update(frames.block(wire, frame, decoder))
        elif frame.kind == frames.DATA:
            body += frames.content(frame)
        if frame.ends:
            return int(headers.pop(":status", 0)), headers, body


#: The HTTP status that stands for a gRPC code (as gRPC gateways map them).
_STATUS = {0: 200, 3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 12: 501, 14: 503, 16: 401}


def grpc(wire: Wire, url: str, headers: Mapping[str, str]) -> tuple[dict[str, Any], bytes]:
    """Make a unary call; return status and trouble, and the message that came back."""
    asked = {**headers, "content-type": _GRPC, "te": "trailers"}
    message = b"meshproof"
    status, found, body = exchange(
        wire, url, "POST", asked, _GRPC_PREFIX.pack(0, len(message)) + message
    )
    if status != 200:
        return {"status": status, "trouble": f"HTTP {status} instead of gRPC"}, body
    if "grpc-status" not in found:
        raise Trouble("malformed answer: no gRPC status")
    code = int(found["grpc-status"])
    result: dict[str, Any] = {"status": _STATUS.get(code, 500)}
    if code:
        result["trouble"] = f"gRPC {code}: {found.get('grpc-message', '')}"
    return result, body[_GRPC_PREFIX.size :]
