"""Handlers of probes and hooks, and what a probe's results amount to."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from harness.providers.podrunner.containers import Container, Role
from harness.providers.podrunner.probe_state import Probe, ProbeKind, ProbeResult, start_probing
from harness.providers.podrunner.prober import NodeProber, Target
from harness.providers.podrunner.security_context import Identity
from tests.unit.podrunner.conftest import Recorder, container

ROOT = Identity(0, 0, (), frozenset({"CAP_NET_ADMIN"}))


class _Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path == "/good" and self.headers["X-Asked"] == "yes"
        self.send_response(200 if good else 503)
        self.end_headers()
        self.wfile.write(b"" if good else b"starting")

    def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def _target(port: int) -> Target:
    manifest = container(ports=[{"name": "http", "containerPort": port}])
    return Target(Container("main", Role.MAIN, "Always", manifest), "127.0.0.1", 0, ROOT)


def test_an_http_probe_goes_to_a_named_port_with_its_headers(port: int) -> None:
    prober = NodeProber(Recorder())
    headers = [{"name": "X-Asked", "value": "yes"}]
    handler = {"httpGet": {"port": "http", "path": "/good", "httpHeaders": headers}}
    assert prober.run_handler(handler, _target(port), 1) == ProbeResult(ok=True)
    bad = prober.run_handler({"httpGet": {"port": port}}, _target(port), 1)
    assert bad == ProbeResult(ok=False, message="HTTP probe failed with statuscode: 503 starting")


def test_a_tcp_probe_connects(port: int) -> None:
    prober = NodeProber(Recorder())
    assert prober.run_handler({"tcpSocket": {"port": port}}, _target(port), 1).ok
    with socket.create_server(("127.0.0.1", 0)) as gone:
        closed = gone.getsockname()[1]
    assert (
        "refused"
        in prober.run_handler({"tcpSocket": {"port": closed}}, _target(1), 1).message.lower()
    )


def test_what_cannot_be_probed_is_bad_news_not_an_exception() -> None:
    shell = Recorder(exit_code=3)
    prober = NodeProber(shell)
    result = prober.run_handler({"exec": {"command": ["x"]}}, _target(1), 1)
    assert result == ProbeResult(ok=False, message="command exited 3: out err")
    assert shell.ran[0][-4:] == ("/usr/bin/timeout", "--signal=KILL", "1", "x")
    assert (
        "supported among: grpc" in prober.run_handler({"grpc": {"port": 1}}, _target(1), 1).message
    )
    assert (
        "no port is called 'x'"
        in prober.run_handler({"httpGet": {"port": "x"}}, _target(1), 1).message
    )


def _probe(kind: ProbeKind = ProbeKind.READINESS, **more: object) -> Probe:
    return Probe.read(kind, {"httpGet": {"port": 1}, **more})


def test_the_first_probe_waits_for_the_initial_delay_only() -> None:
    assert start_probing(_probe(), 100.0, 100.0).due == 100.0
    assert start_probing(_probe(initialDelaySeconds=5), 100.0, 100.0).due == 105.0


def test_what_is_new_is_probed_often_and_less_as_it_ages() -> None:
    bad = ProbeResult(ok=False)
    state = start_probing(_probe(), 0.0, 0.0)
    assert state.observe(bad, 0.0).due == pytest.approx(0.1)
    assert state.observe(bad, 20.0).due == pytest.approx(21.0)
    assert state.observe(bad, 1000.0).due == pytest.approx(1010.0)


def test_failures_count_once_per_period_however_often_one_probes() -> None:
    state = start_probing(_probe(ProbeKind.STARTUP, periodSeconds=1, failureThreshold=3), 0.0, 0.0)
    for tenth in range(20):
        state = state.observe(ProbeResult(ok=False), tenth / 10)
        assert state.passing is None
    assert state.observe(ProbeResult(ok=False), 2.0).passing is False


def test_successes_in_a_row_are_a_period_apart() -> None:
    state = start_probing(_probe(periodSeconds=1, successThreshold=2), 0.0, 0.0)
    state = state.observe(ProbeResult(ok=True), 0.0)
    assert (state.passing, state.due) == (None, 1.0)
    assert state.observe(ProbeResult(ok=True), 1.0).passing is True


def test_an_http_server_that_does_not_answer_in_time_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        handler = {"httpGet": {"port": silent.getsockname()[1]}}
        result = NodeProber(Recorder()).run_handler(handler, _target(1), 0.05)
    assert not result.ok
    assert "timed out" in result.message


def test_a_command_is_given_its_time_and_no_more() -> None:
    shell = Recorder(exit_code=137)
    result = NodeProber(shell).run_handler({"exec": {"command": ["hang"]}}, _target(1), 2.5)
    assert not result.ok
    assert shell.ran[0][-4:] == ("/usr/bin/timeout", "--signal=KILL", "2.5", "hang")
    assert shell.timeout > 2.5, "the command in the container ends first, by its own limit"


def test_a_timeout_counts_as_a_failure_when_it_is_over() -> None:
    """A result that comes after several periods is one failure, not several."""
    state = start_probing(_probe(ProbeKind.LIVENESS, periodSeconds=1, failureThreshold=2), 0.0, 0.0)
    state = state.sent().observe(ProbeResult(ok=False, message="timed out"), 5.0)
    assert (state.failed, state.passing, state.due) == (1, None, 6.0)
    assert state.observe(ProbeResult(ok=False), 6.0).passing is False
