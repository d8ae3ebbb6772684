import signal
from collections.abc import Callable

import pytest

from harness.converge import Budget, eventually

from .conftest import Agent, DirectTransport, listens


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


def test_a_draining_agent_loses_nothing(agent: Agent, another: Callable[[], Agent]) -> None:
    leaving = another()
    with agent.caller.load(f"{leaving.url}?delay=0.05", rate=100, seconds=1.0) as load:
        eventually(load.now, lambda seen: seen.ok > 5, what="served", budget=Budget(5, 0.02))
        leaving.running.signal(signal.SIGTERM)
        ledger = load.ledger()
    assert not ledger.failed, str(ledger)
    assert leaving.running.wait(10) == 0
    assert not listens(leaving.ports["HTTP_PORT"])


def test_readiness_fails_first(another: Callable[[], Agent]) -> None:
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
