import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.model import ApiError
from harness.probes.caller import Caller
from harness.probes.identity import Identity, alien

from .conftest import HERE, Agent, free_ports
from .peers import heard, serving

XFCC = (
    "By=spiffe://td/ns/a/sa/gateway;Hash=1;URI=spiffe://td/ns/a/sa/first,"
    'By=spiffe://td/ns/sample/sa/probe-a;Hash=2;Subject="";URI=spiffe://td/ns/b/sa/caller'
)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_an_agent_says_who_it_is(agent: Agent, caller: Caller, version: str) -> None:
    replies = caller.call(agent.url, count=5, version=version)
    assert replies.ok
    assert str(replies) == "5x 200 cluster1"
    said = replies[0]
    assert (said.pod, said.version, said.namespace, said.account) == (
        "pod-1",
        "v1",
        "sample",
        "probe-a",
    )


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_identities_are_those_that_the_nearest_proxy_saw(
    agent: Agent, caller: Caller, version: str
) -> None:
    headers = {"X-Forwarded-Client-Cert": XFCC}
    said = caller.call(agent.url, headers=headers, version=version)[0]
    assert said.identity == "spiffe://td/ns/b/sa/caller"
    assert said.server_identity == "spiffe://td/ns/sample/sa/probe-a"


def test_grpc_and_tcp_are_answered_too(agent: Agent, caller: Caller) -> None:
    grpc = caller.grpc(HERE, agent.ports["GRPC_PORT"], count=3)
    tcp = caller.tcp(HERE, agent.ports["TCP_PORT"], count=3, payload=b"x" * 100_000)
    assert grpc.ok
    assert tcp.ok
    assert grpc.clusters == tcp.clusters == {"cluster1": 3}
    assert grpc[0].protocol == "gRPC"


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_a_call_may_order_its_trouble(agent: Agent, caller: Caller, version: str) -> None:
    assert caller.call(f"{agent.url}?status=503", version=version)[0].status == 503
    closed = caller.call(f"{agent.url}?close", version=version)[0]
    assert closed.status is None
    assert closed.trouble in ("closed without an answer", "closed before the end of the answer")
    slow = caller.call(f"{agent.url}?hang", version=version, timeout=0.05)[0]
    assert slow.trouble == "timeout waiting for the answer"
    assert slow.ms < 1000


def test_an_instance_fails_until_it_is_healed(agent: Agent, caller: Caller) -> None:
    caller.fail(status=503)
    assert caller.call(agent.url, count=2).statuses == {503: 2}
    assert caller.grpc(HERE, agent.ports["GRPC_PORT"])[0].status == 503
    assert not caller.tcp(HERE, agent.ports["TCP_PORT"]).ok
    caller.fail()
    assert caller.call(agent.url).ok


def test_troubles_are_told_apart(caller: Caller) -> None:
    (port,) = free_ports(1)
    assert caller.connect(HERE, port)[0].trouble == "connection refused"
    assert caller.call("http://absent.invalid/")[0].trouble.startswith("name not resolved")
    assert caller.resolve("absent.invalid").addresses == ()
    assert caller.resolve("localhost").addresses[0] == HERE


def test_strangers_are_quoted(caller: Caller, stranger: str) -> None:
    said = caller.call(stranger)[0]
    assert (said.status, said.body, said.pod) == (403, "RBAC: access denied", "")
    assert said.headers["server"] == "stranger"


def test_pages_come_whole_or_not_at_all(agent: Agent, caller: Caller, stranger: str) -> None:
    assert caller.fetch(agent.url + "page")["path"] == "/page"
    with pytest.raises(ApiError, match="answers 403: RBAC"):
        caller.fetch(stranger)


def test_headers_are_told_on_demand(agent: Agent, caller: Caller) -> None:
    assert not caller.call(agent.url)[0].request_headers
    said = caller.call(agent.url, headers={"X-Token": "t"}, detail=True)[0]
    assert said.request_headers["x-token"] == "t"
    assert said.headers["content-type"] == "application/json"


def test_four_hundred_calls_are_one_request(agent: Agent, caller: Caller) -> None:
    assert caller.call(agent.url, count=400).clusters == {"cluster1": 400}


def test_nonsense_is_refused_by_name(caller: Caller) -> None:
    with pytest.raises(ApiError, match="bad request"):
        caller.ask("POST", "/call", {"port": 1})
    with pytest.raises(ApiError, match="no such page"):
        caller.ask("GET", "/nonsense")


def test_a_handshake_shows_both_sides(caller: Caller, tls_server: int) -> None:
    said = caller.tls(
        HERE,
        tls_server,
        sni="outbound_.5000_._.echo.sample.svc.cluster.local",
        alpn=("istio", "h2"),
        identity=CLIENT,
        request=b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )[0]
    assert said.status == 200
    assert said.alpn == "istio"
    assert said.server_uris == ("spiffe://td/ns/a/sa/server",)


def test_a_server_that_demands_a_certificate_serves_nobody_without(
    caller: Caller, tls_server: int
) -> None:
    request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    bare = caller.tls(HERE, tls_server, sni="x", request=request)[0]
    plain = caller.tls(HERE, tls_server, sni="x", request=request, plaintext=True)[0]
    assert bare.status is None
    assert bare.trouble.startswith("TLS:")
    assert plain.status is None


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "cut"])
def test_an_end_that_tls_does_not_announce_is_a_cut(
    caller: Caller, tmp_path: Path, announced: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_stored(tmp_path, SERVER))

    def script(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as talk:
            heard(talk, b"\r\n\r\n")
            talk.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nas long as it lasts")
            if announced:
                talk.unwrap()

    with serving(script) as port:
        request = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
        said = caller.tls(HERE, port, sni="x", request=request)[0]
    assert (said.status == 200) is announced, str(said)


SERVER = alien("spiffe://td/ns/a/sa/server")
CLIENT = alien("spiffe://td/ns/b/sa/client")


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[int]:
    """A server that wants a certificate of the client's root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_stored(tmp_path, SERVER))
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["istio"])
    context.load_verify_locations(cadata=CLIENT.certificate_pem)
    yield from _serving(context, b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


@pytest.fixture
def stranger() -> Iterator[str]:
    denied = b"HTTP/1.1 403 Forbidden\r\nserver: stranger\r\ncontent-length: 19\r\n\r\n"
    for port in _serving(None, denied + b"RBAC: access denied"):
        yield f"http://{HERE}:{port}/"


def _stored(directory: Path, identity: Identity) -> Path:
    path = directory / "identity.pem"
    path.write_text(identity.certificate_pem + identity.key_pem, "utf-8")
    return path


def _serving(context: ssl.SSLContext | None, answer: bytes) -> Iterator[int]:
    listener = socket.create_server((HERE, 0))

    def serve() -> None:
        while True:
            try:
                plug, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(plug, server_side=True) if context else plug as talk:
                    talk.recv(65536)
                    talk.sendall(answer)
            except OSError:
                continue

    threading.Thread(target=serve, daemon=True).start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
