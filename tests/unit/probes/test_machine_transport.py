"""The way to an agent on a machine: a program that asks it there."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.agent.messages import Request, Response, json_response
from harness.agent.serving import Listener, http
from harness.agent.state import State
from harness.model import ApiError, InterruptedAnswerError
from harness.probes import access, asking, transport
from harness.probes.transport import MachineTransport
from harness.shell import LocalShell, Outcome

TOKEN = "mpt-a-token-of-this-machine"


@dataclass
class Here:
    """This machine as one of a lab; the agent is on a port of its own."""

    name: str = "vm"
    address: str = "127.0.0.1"
    said: list[str] = field(default_factory=list)

    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 120.0
    ) -> Outcome:
        self.said.append(" ".join(argv))
        return LocalShell().run([sys.executable, *argv[1:]], stdin=stdin, timeout=timeout)


def answerer(request: Request) -> Response:
    if request.headers.get(access.HEADER) != TOKEN:
        return json_response({"error": "no"}, 403)
    return json_response({"path": request.path, "body": request.body.decode()}, 200)


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Here]:
    listener = Listener("127.0.0.1", 0, http(State({}), answerer))
    monkeypatch.setattr(transport, "CONTROL_PORT", listener.port)
    yield Here()
    listener.close()


def test_an_agent_is_asked_on_its_machine(there: Here) -> None:
    answer = MachineTransport(there, TOKEN).ask("POST", "/call", {"count": 2})
    assert answer.status == 200
    assert answer.json() == {"path": "/call", "body": '{"count": 2}'}


def test_who_has_another_token_is_told_so_and_no_command_shows_one(there: Here) -> None:
    assert MachineTransport(there, "another").ask("GET", "/who").status == 403
    assert not any("another" in line for line in there.said)
    assert TOKEN not in repr(MachineTransport(there, TOKEN))


def test_an_agent_that_is_not_there_was_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "CONTROL_PORT", 1)
    with pytest.raises(ApiError, match="agent on vm /who") as caught:
        MachineTransport(Here(), TOKEN).ask("GET", "/who")
    assert not isinstance(caught.value, InterruptedAnswerError)


@dataclass
class Broken(Here):
    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 120.0
    ) -> Outcome:
        return Outcome(tuple(argv), 124, "", "gave up")


def test_what_broke_off_may_have_been_done() -> None:
    with pytest.raises(InterruptedAnswerError, match="gave up"):
        MachineTransport(Broken(), TOKEN).ask("POST", "/call")


def test_what_is_run_on_machines_imports_nothing_of_ours() -> None:
    assert "harness" not in Path(str(asking.__file__)).read_text()
