"""The agent's own ports by HTTP/1.1, asked by others: Python's client, curl, and bare bytes."""

import json
import shutil
import socket
from http.client import HTTPConnection
from typing import Any

import pytest

from harness.shell import LocalShell

from .conftest import Agent
from .peers import HERE, heard

HELLO = b"GET /hello HTTP/1.1\r\nhost: x\r\n\r\n"


def asked(agent: Agent, request: bytes, port: str = "HTTP_PORT") -> bytes:
    """Return everything that comes back for ``request`` and the end of our half."""
    with socket.create_connection((HERE, agent.ports[port]), timeout=5) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return heard(connection, b"never said")
        except TimeoutError:
            raise
        except OSError:
            return b""  # The agent did not hear us out.


def said(answer: bytes) -> dict[str, Any]:
    return dict(json.loads(answer.partition(b"\r\n\r\n")[2]))


def test_one_connection_carries_many_requests(agent: Agent) -> None:
    connection = HTTPConnection(HERE, agent.ports["HTTP_PORT"], timeout=5)
    for number in range(3):
        connection.request("POST", f"/{number}", body=iter([b"he", b"llo"]), encode_chunked=True)
        answer = connection.getresponse()
        seen = json.loads(answer.read())
        assert (answer.status, seen["path"], seen["echo"]) == (200, f"/{number}", "hello")
    connection.close()


def test_requests_may_come_one_upon_the_other(agent: Agent) -> None:
    assert asked(agent, HELLO + HELLO).count(b"HTTP/1.1 200") == 2


def test_a_client_may_wish_to_be_told_to_go_on(agent: Agent) -> None:
    with socket.create_connection((HERE, agent.ports["HTTP_PORT"]), timeout=5) as connection:
        head = b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        connection.sendall(head)
        assert heard(connection, b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        connection.sendall(b"hi")
        assert b'"echo": "hi"' in heard(connection, b'"echo": "hi"')


def test_a_client_that_closes_is_let_go(agent: Agent) -> None:
    closing = HELLO.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
    assert asked(agent, closing + HELLO).count(b"HTTP/1.1 200") == 1
    assert said(asked(agent, b"GET /old HTTP/1.0\r\n\r\n"))["path"] == "/old"


def test_some_answers_have_no_body(agent: Agent) -> None:
    connection = HTTPConnection(HERE, agent.ports["HTTP_PORT"], timeout=5)
    for method, path, status in [("HEAD", "/", 200), ("GET", "/?status=204", 204)]:
        connection.request(method, path)
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (status, b"")
    connection.close()


@pytest.mark.parametrize("query", ["status=abc", "status=42", "delay=nan", "delay=-1"])
def test_misbehaviour_that_makes_no_sense_is_refused(agent: Agent, query: str) -> None:
    answer = asked(agent, HELLO.replace(b"/hello", f"/?{query}".encode()))
    assert answer.startswith(b"HTTP/1.1 400")


GARBAGE = {
    "nothing": b"",
    "a-word": b"hello",
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-lengths": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
    "cut-body": b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc",
    "cut-head": b"POST / HTT",
    "bad-chunk": b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "bad-version": b"GET / HTTP/x.y\r\nhost: x\r\n\r\n",
    "endless-head": b"GET / HTTP/1.1\r\nx: " + b"y" * 400_000,
    "nearly-http2": b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    "broken-http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
    "zeroes": bytes(1000),
    "bad-utf-8": b"GET /\xff\xfe HTTP/1.1\r\nhost: \xff\r\n\r\n",
    "bad-query": b"GET /?status=%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
}


@pytest.mark.parametrize("port", ["HTTP_PORT", "GRPC_PORT", "TCP_PORT", "CONTROL_PORT"])
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_not_served_and_hurts_nobody_else(
    agent: Agent, garbage: bytes, port: str
) -> None:
    answer = asked(agent, garbage, port)
    if port != "TCP_PORT":
        assert b" 200 " not in answer
    assert agent.caller.call(agent.url).ok
    assert agent.caller.tcp(HERE, agent.ports["TCP_PORT"]).ok
    assert agent.caller.grpc(HERE, agent.ports["GRPC_PORT"]).ok


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize(
    "version", ["--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge"]
)
def test_curl_is_served(agent: Agent, version: str) -> None:
    argv = ["curl", "--silent", "--fail", "--noproxy", "*", version, "--data", "hello", agent.url]
    assert json.loads(LocalShell().run(argv).checked())["echo"] == "hello"
