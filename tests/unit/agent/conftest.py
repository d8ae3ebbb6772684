"""A real agent process on this machine's loopback, and a caller that reaches it directly."""

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

import harness.agent
from harness.converge import Budget, eventually
from harness.kube import Answer
from harness.probes.caller import Caller
from harness.shell import Running, start
from tests.unit.pods import Asked, PodKube

HERE = "127.0.0.1"
PORT_NAMES = ("HTTP_PORT", "GRPC_PORT", "TCP_PORT", "CONTROL_PORT")


class DirectKube(PodKube):
    """Reaches the control port without an API server in between."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._pool = urllib3.HTTPConnectionPool(HERE, port, retries=False)

    def answer(self, asked: Asked) -> Answer:
        assert (asked.pod, asked.namespace, asked.port) == ("pod-1", "sample", 9001)
        response = self._pool.request(
            asked.method, asked.path, json=asked.body, timeout=asked.timeout
        )
        return Answer(response.status, response.data)


@dataclass(frozen=True)
class Agent:
    running: Running
    ports: dict[str, int]
    caller: Caller

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.ports['HTTP_PORT']}/"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HERE, 0)) for _ in range(count)]
    ports = [int(opened.getsockname()[1]) for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def run_agent(directory: Path) -> Agent:
    ports = dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
    environment = {
        **{name: str(port) for name, port in ports.items()},
        "LISTEN": HERE,
        "CLUSTER": "cluster1",
        "VERSION": "v1",
        "POD_NAME": "pod-1",
        "NAMESPACE": "sample",
        "ACCOUNT": "probe-a",
        "DRAIN_QUIET": "0.3",
    }
    home = str(Path(harness.agent.__file__).parent)
    argv = [sys.executable, "-I", home]
    running = start("agent", argv, output=directory / "agent.log", env=environment)
    control = ports["CONTROL_PORT"]
    caller = Caller(DirectKube(control), "cluster1", "sample", "pod-1", HERE)
    agent = Agent(running, ports, caller)
    eventually(lambda: listens(control), bool, what="agent starts", budget=Budget(10, 0.01))
    return agent


def listens(port: int) -> bool:
    with socket.socket() as plug:
        return plug.connect_ex((HERE, port)) == 0


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    started = run_agent(tmp_path_factory.mktemp("agent"))
    yield started
    assert started.running.end() == 0


@pytest.fixture
def caller(agent: Agent) -> Iterator[Caller]:
    yield agent.caller
    agent.caller.fail()


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Callable[[], Agent]]:
    """Starts agents that a test may end itself."""
    started: list[Agent] = []

    def run() -> Agent:
        started.append(run_agent(tmp_path))
        return started[-1]

    yield run
    for agent in started:
        agent.running.end()
