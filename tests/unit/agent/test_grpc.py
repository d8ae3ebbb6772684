"""gRPC as its own library speaks it, on either side of the agent."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from harness.probes.caller import Caller

from .conftest import Agent
from .peers import HERE

METHOD = "/meshproof.Echo/Say"


@pytest.fixture
def channel(agent: Agent) -> Iterator[grpc.Channel]:
    # The library would ask a proxy of the environment otherwise.
    options = [("grpc.enable_http_proxy", 0)]
    target = f"{HERE}:{agent.ports['GRPC_PORT']}"
    with grpc.insecure_channel(target, options=options) as opened:
        yield opened


def test_the_library_is_answered(channel: grpc.Channel) -> None:
    say = channel.unary_unary(METHOD)
    for _ in range(5):
        said = json.loads(say(b"hello", timeout=5))
        assert (said["cluster"], said["protocol"], said["echo"]) == ("cluster1", "gRPC", "hello")


def test_the_library_sends_long_messages(channel: grpc.Channel) -> None:
    said = json.loads(channel.unary_unary(METHOD)(b"m" * 1_000_000, timeout=5))
    assert said["echo"] == "m" * 4096


def test_the_library_sees_an_instance_fail(agent: Agent, channel: grpc.Channel) -> None:
    agent.caller.fail(status=503)
    try:
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary(METHOD)(b"hello", timeout=5)
    finally:
        agent.caller.fail()
    assert failed.value.code() is grpc.StatusCode.UNAVAILABLE


Say = Callable[[bytes, Any], bytes]


def introduced(_: bytes, __: Any) -> bytes:
    return json.dumps({"pod": "p", "cluster": "c9", "padding": "." * 300_000}).encode()


def denied(_: bytes, context: Any) -> bytes:
    context.abort(grpc.StatusCode.PERMISSION_DENIED, "not you")
    raise AssertionError("abort raises")


def nonsense(_: bytes, __: Any) -> bytes:
    return b"no agent"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[int]:
    say: Say = request.param
    handler = grpc.unary_unary_rpc_method_handler(say)
    with ThreadPoolExecutor(4) as workers:
        serving = grpc.server(workers)
        generic = grpc.method_handlers_generic_handler("meshproof.Echo", {"Say": handler})
        serving.add_generic_rpc_handlers((generic,))
        port = serving.add_insecure_port(f"{HERE}:0")
        serving.start()
        yield port
        serving.stop(None).wait()


@pytest.mark.parametrize("server", [introduced], indirect=True)
def test_the_library_answers(caller: Caller, server: int) -> None:
    replies = caller.grpc(HERE, server, count=10)
    assert replies.clusters == {"c9": 10}, str(replies)


@pytest.mark.parametrize("server", [denied], indirect=True)
def test_a_status_of_the_library_is_told(caller: Caller, server: int) -> None:
    (reply,) = caller.grpc(HERE, server)
    assert (reply.status, reply.trouble) == (403, "gRPC 7: not you")


@pytest.mark.parametrize("server", [nonsense], indirect=True)
def test_a_strangers_message_is_no_echo(caller: Caller, server: int) -> None:
    (reply,) = caller.grpc(HERE, server)
    assert (reply.status, reply.trouble) == (None, "malformed answer: not an agent's")
