"""The control port: only who has the token may give orders."""

import pytest

from .conftest import HERE, TOKEN, Agent, DirectTransport

PAGES = {
    "/admin?path=/stats": "GET",
    "/call": "POST",
    "/fetch": "POST",
    "/fail": "POST",
    "/load": "POST",
    "/load/1": "DELETE",
    "/resolve": "POST",
    "/who": "GET",
    "/nonsense": "GET",
    "//call": "POST",
    "/ready/../call": "POST",
}


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], TOKEN + "x", "ü"])
@pytest.mark.parametrize("path", PAGES)
def test_without_the_token_nothing_is_done(agent: Agent, path: str, token: str) -> None:
    stranger = DirectTransport(agent.ports["CONTROL_PORT"], token.encode().decode("latin-1"))
    body = {"url": agent.url, "status": 503, "host": HERE}
    answer = stranger.ask(PAGES[path], path, body if PAGES[path] == "POST" else None)
    if path.startswith("/ready"):
        assert answer.status == 200
        assert answer.json() == {"ready": True}
    else:
        assert answer.status == 403
        assert TOKEN not in answer.text
    assert agent.caller.call(agent.url).ok


def test_the_token_opens_every_page(agent: Agent) -> None:
    assert agent.transport.ask("GET", "/who").json()["pod"] == "pod-1"
    assert agent.transport.ask("GET", "/nonsense").status == 404


def test_the_readiness_probe_needs_no_token(agent: Agent) -> None:
    assert DirectTransport(agent.ports["CONTROL_PORT"], "").ask("GET", "/ready").status == 200
