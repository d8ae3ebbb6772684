import signal
import socket
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.kube import Answer

from .conftest import HERE, Agent, DirectTransport, listens

SOON = Budget(timeout=10, interval=0.02)


def test_load_goes_on_whatever_the_answers(agent: Agent) -> None:
    with agent.caller.load(f"{agent.url}?hang", rate=100, seconds=0.3, timeout=0.1) as load:
        ledger = load.ledger()
    assert ledger.sent == 30
    assert ledger.ok == 0
    assert {entry.trouble for entry in ledger.failed} == {"timeout waiting for the answer"}
    # The last call left on time although none before it had been answered.
    assert ledger.entries[-1].at == pytest.approx(0.29)


def test_an_outage_is_a_gap(agent: Agent) -> None:
    with agent.caller.load(agent.url, rate=200, seconds=30) as load:
        eventually(load.now, lambda seen: seen.ok > 5, what="served", budget=Budget(5, 0.02))
        agent.caller.fail(status=503)
        eventually(load.now, lambda seen: bool(seen.failed), what="hit", budget=Budget(5, 0.02))
        agent.caller.fail()
        eventually(load.now, lambda seen: bool(seen.gaps), what="over", budget=Budget(5, 0.02))
        ledger = load.stop()
    assert ledger.sent == len(ledger.entries)
    assert len(ledger.gaps) == 1
    assert ledger.by_cluster == {"cluster1": ledger.ok}


def test_leaving_the_block_stops_the_load(agent: Agent) -> None:
    with agent.caller.load(agent.url, rate=50, seconds=60) as load:
        pass
    ledger = load.ledger()
    assert ledger.sent < 50


def test_a_name_without_address_is_a_ledger_without_calls(agent: Agent) -> None:
    with agent.caller.load("http://absent.invalid/", rate=5, seconds=1) as load:
        assert load.ledger().trouble.startswith("name not resolved")


def test_a_load_costs_its_own_size_however_often_it_is_looked_at(agent: Agent) -> None:
    def cost(looks: int) -> tuple[int, int]:
        """Return how many bytes a load of so many looks took, and how many calls it made."""
        before = agent.transport.received
        with agent.caller.load(agent.url, rate=200, seconds=1.0) as load:
            for _ in range(looks):
                load.now()
            ledger = load.ledger()
        assert not ledger.failed, str(ledger)
        return agent.transport.received - before, len(ledger.entries)

    few, calls = cost(1)
    many, same = cost(100)
    assert calls == same == 200
    # What a look costs beside the entries is the frame of a report.
    assert many < few + 120 * 100


def test_what_was_acknowledged_is_forgotten(agent: Agent) -> None:
    load = {"url": agent.url, "rate": 100, "seconds": 0.1}
    name = agent.transport.ask("POST", "/load", load).json()["id"]

    def report(after: int) -> Answer:
        return agent.transport.ask("GET", f"/load/{name}?after={after}")

    done = eventually(
        lambda: report(0).json(), lambda said: bool(said["finished"]), what="ended", budget=SOON
    )
    assert len(done["entries"]) == done["sent"] == 10
    assert len(report(4).json()["entries"]) == 6
    assert [report(after).status for after in (0, 11, -1)] == [400, 400, 400]
    rest = report(10).json()
    assert (rest["entries"], rest["finished"]) == ([], True)


def test_a_load_leaves_no_threads(agent: Agent) -> None:
    def threads() -> int:
        return len(list(Path(f"/proc/{agent.running.pid}/task").iterdir()))

    with agent.caller.load(f"{agent.url}?delay=0.1", rate=200, seconds=0.3) as load:
        assert load.ledger().ok == 60
    eventually(threads, lambda count: count < 10, what="its callers have ended", budget=SOON)


def answers(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False  # No file is left for what it takes to answer.
    finally:
        connection.close()


def test_a_listener_survives_when_there_is_no_room_for_a_connection(
    another: Callable[..., Agent],
) -> None:
    poor = another("sh", "-c", 'ulimit -n 24 && exec "$@"', "sh")
    address = (HERE, poor.ports["HTTP_PORT"])
    crowd = [socket.create_connection(address, timeout=5) for _ in range(40)]
    for connection in crowd:
        connection.close()
    eventually(lambda: answers(*address), bool, what="there is room again", budget=SOON)


def test_a_draining_agent_loses_nothing(agent: Agent, another: Callable[..., Agent]) -> None:
    leaving = another()
    with agent.caller.load(f"{leaving.url}?delay=0.05", rate=100, seconds=1.0) as load:
        eventually(load.now, lambda seen: seen.ok > 5, what="served", budget=Budget(5, 0.02))
        leaving.running.signal(signal.SIGTERM)
        ledger = load.ledger()
    assert not ledger.failed, str(ledger)
    assert leaving.running.wait(10) == 0
    assert not listens(leaving.ports["HTTP_PORT"])


def test_readiness_fails_first(another: Callable[..., Agent]) -> None:
    leaving = another()
    probe = DirectTransport(leaving.ports["CONTROL_PORT"], token="")
    assert probe.ask("GET", "/ready").status == 200
    leaving.caller.fail(ready=False)
    assert probe.ask("GET", "/ready").status == 503
    leaving.caller.fail()
    leaving.running.signal(signal.SIGTERM)
    eventually(
        lambda: probe.ask("GET", "/ready").status,
        lambda status: status == 503,
        what="readiness fails while the ports still serve",
        budget=Budget(2, 0.01),
    )
    assert leaving.caller.call(leaving.url).ok
