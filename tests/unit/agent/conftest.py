"""A real agent process on this machine's loopback, and a caller that reaches it directly."""

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import urllib3

from harness.artifacts.agent import PROGRAM, directories
from harness.converge import Budget, eventually
from harness.kube import Answer, Manifest
from harness.probes.access import HEADER
from harness.probes.caller import Caller
from harness.shell import Running, start

HERE = "127.0.0.1"
TOKEN = "mpt-of-this-test"
PORT_NAMES = ("HTTP_PORT", "GRPC_PORT", "TCP_PORT", "CONTROL_PORT")


class DirectTransport:
    """Reaches the control port of a process on this machine."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self.token = token
        self.received = 0
        self._pool = urllib3.HTTPConnectionPool(HERE, port, retries=False)

    def ask(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float = 30.0
    ) -> Answer:
        shown = {HEADER: self.token} if self.token else {}
        response = self._pool.request(method, path, json=body, headers=shown, timeout=timeout)
        self.received += len(response.data)
        return Answer(response.status, response.data)


@dataclass(frozen=True)
class Agent:
    running: Running
    ports: dict[str, int]
    caller: Caller
    transport: DirectTransport

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.ports['HTTP_PORT']}/"


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server((HERE, 0)) for _ in range(count)]
    ports = [int(opened.getsockname()[1]) for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def laid_out(directory: Path) -> Path:
    """Return where the agent lies as it does in a pod."""
    place = directory / "opt"
    for path, source in directories().items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        if not (place / path).exists():
            (place / path).symlink_to(source)
    return place


def run_agent(directory: Path, *prefix: str) -> Agent:
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
        "CONTROL_TOKEN": TOKEN,
    }
    # Without packages of this environment: in a pod there are none.
    argv = [*prefix, sys.executable, "-I", "-B", "-S", str(laid_out(directory) / PROGRAM)]
    running = start("agent", argv, output=directory / "agent.log", env=environment)
    control = ports["CONTROL_PORT"]
    transport = DirectTransport(control)
    caller = Caller(transport, "cluster1", "sample", "pod-1", HERE)
    agent = Agent(running, ports, caller, transport)
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
def another(tmp_path: Path) -> Iterator[Callable[..., Agent]]:
    """Starts agents that a test may end itself, behind a prefix if one is given."""
    started: list[Agent] = []

    def run(*prefix: str) -> Agent:
        started.append(run_agent(tmp_path, *prefix))
        return started[-1]

    yield run
    for agent in started:
        agent.running.end()
