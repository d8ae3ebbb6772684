"""Answers by HTTP/1.1 from servers made of bytes: what is not whole has not been served."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.agent.calls import call
from harness.agent.specs import CallSpec

from .peers import HERE, Script, close_gently, heard, reset, serving

BODY = json.dumps({"pod": "p", "cluster": "c2"}).encode()
SIZED = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"5;name=value\r\n%s\r\n%x\r\n%s\r\n0\r\nx-trailer: kept\r\n\r\n"
    % (BODY[:5], len(BODY) - 5, BODY[5:])
)
INTERIM = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + SIZED


def said(answer: bytes, *, abrupt: bool = False) -> Script:
    """Answer any request by these bytes."""

    def script(connection: socket.socket) -> None:
        heard(connection, b"\r\n\r\n")
        connection.sendall(answer)
        if abrupt:
            reset(connection)
        else:
            close_gently(connection)

    return script


def called(port: int, **more: Any) -> dict[str, Any]:
    spec = CallSpec("http1", (HERE, port), f"http://{HERE}:{port}/", 5.0, **more)
    return call(spec)


def answered(answer: bytes, *, abrupt: bool = False, **more: Any) -> dict[str, Any]:
    with serving(said(answer, abrupt=abrupt)) as port:
        return called(port, **more)


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, INTERIM], ids=["sized", "chunked", "interim"])
def test_a_whole_answer_is_served(answer: bytes) -> None:
    result = answered(answer)
    assert (result["status"], result["cluster"]) == (200, "c2")


@contextmanager
def cutting(answer: bytes) -> Iterator[tuple[int, list[int]]]:
    """Serve ``answer`` up to the byte that the list names last."""
    cut = [0]

    def script(connection: socket.socket) -> None:
        said(answer[: cut[-1]])(connection)

    with serving(script) as port:
        yield port, cut


@pytest.mark.parametrize("answer", [SIZED, CHUNKED, INTERIM], ids=["sized", "chunked", "interim"])
def test_an_answer_that_is_cut_off_anywhere_is_none(answer: bytes) -> None:
    with cutting(answer) as (port, cut):
        for size in range(len(answer)):
            cut.append(size)
            result = called(port)
            assert result["status"] is None, f"cut after {answer[:size]!r}"
            wanted = "closed without an answer" if not size else "closed before the end"
            assert result["trouble"].startswith(wanted), f"cut after {answer[:size]!r}"


@pytest.mark.parametrize("size", [0, 20, len(CHUNKED) - 1])
def test_an_answer_that_is_reset_is_none(size: int) -> None:
    result = answered(CHUNKED[:size], abrupt=True)
    assert (result["status"], result["trouble"]) == (None, "connection reset")


def test_an_answer_of_no_length_ends_with_its_connection() -> None:
    result = answered(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n" + BODY)
    assert result["cluster"] == "c2"


def test_trailers_are_told_with_the_headers() -> None:
    assert answered(CHUNKED, detail=True)["headers"]["x-trailer"] == "kept"


def test_a_slow_answer_counts_once_it_is_whole() -> None:
    def script(connection: socket.socket) -> None:
        heard(connection, b"\r\n\r\n")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in CHUNKED:
            connection.sendall(bytes([byte]))
        close_gently(connection)

    with serving(script) as port:
        assert called(port)["status"] == 200


def test_an_answer_that_never_ends_is_a_timeout() -> None:
    def script(connection: socket.socket) -> None:
        heard(connection, b"\r\n\r\n")
        connection.sendall(CHUNKED[:-1])
        heard(connection, b"never said")

    with serving(script) as port:
        spec = CallSpec("http1", (HERE, port), f"http://{HERE}:{port}/", 0.1)
        assert call(spec)["trouble"] == "timeout waiting for the answer"


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail ready\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"x" * 300_000,
    ],
    ids=[
        "mail",
        "status",
        "chunk",
        "length",
        "lengths",
        "header",
        "switched",
        "tls",
        "endless",
    ],
)
def test_nonsense_is_no_answer(answer: bytes) -> None:
    result = answered(answer)
    assert result["status"] is None
    assert result["trouble"].startswith(("malformed answer", "closed before the end"))


def test_an_answer_to_head_has_no_body() -> None:
    result = answered(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", method="HEAD")
    assert (result["status"], result["body"]) == (200, "")


def test_what_is_sent_arrives() -> None:
    requests: list[bytes] = []

    def script(connection: socket.socket) -> None:
        requests.append(heard(connection, b"hello"))
        connection.sendall(SIZED)

    with serving(script) as port:
        called(port, method="POST", body=b"hello", headers={"Host": "echo.sample", "X-A": "ü"})
    (request,) = requests
    assert request.startswith(b"POST / HTTP/1.1\r\n")
    assert b"host: echo.sample\r\n" in request
    assert "x-a: ü\r\n".encode() in request
    assert request.endswith(b"content-length: 5\r\n\r\nhello")


@pytest.mark.parametrize("more", [{"method": "GE T"}, {"headers": {"a b": "c"}}])
def test_a_request_that_cannot_be_sent_says_so(more: dict[str, Any]) -> None:
    assert answered(SIZED, **more)["trouble"].startswith("no request that could be sent")


@pytest.mark.parametrize("size", [None, -1], ids=["whole", "cut"])
def test_a_raw_request_is_answered_by_the_same_rules(size: int | None) -> None:
    with serving(said(CHUNKED[:size])) as port:
        spec = CallSpec("raw", (HERE, port), "", 5.0, body=b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert call(spec)["status"] == (200 if size is None else None)
