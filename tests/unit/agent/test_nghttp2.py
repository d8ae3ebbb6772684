"""HTTP/2 as nghttp2 speaks it, on either side of the agent."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.probes.caller import Caller
from harness.shell import LocalShell, start

from .conftest import Agent, free_ports, listens
from .peers import HERE

LONG = 300_000


@pytest.fixture
def nghttpd(tmp_path: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    page = {"pod": "p", "cluster": "c9", "padding": "." * LONG}
    (tmp_path / "index.html").write_text(json.dumps(page))
    argv = ["nghttpd", "--no-tls", f"--address={HERE}", f"--htdocs={tmp_path}"]
    trailer = ["--trailer=x-trailer: kept", "--padding=100", str(port)]
    running = start("nghttpd", [*argv, *trailer], output=tmp_path / "log")
    eventually(lambda: listens(port), bool, what="nghttpd listens", budget=Budget(10, 0.01))
    yield port
    running.end()


@pytest.mark.skipif(shutil.which("nghttpd") is None, reason="nghttpd (nghttp2-server) is absent")
def test_nghttpd_serves_the_agent(caller: Caller, nghttpd: int) -> None:
    replies = caller.call(f"http://{HERE}:{nghttpd}/", version="2", count=20, detail=True)
    assert replies.clusters == {"c9": 20}, str(replies)
    assert replies[0].headers["x-trailer"] == "kept"
    absent = caller.call(f"http://{HERE}:{nghttpd}/absent", version="2")
    assert absent.statuses == {404: 1}


OPTIONS = {
    "plain": "--no-dep",
    "continuation": "--continuation",
    "padding": "--padding=100",
    "small-windows": "--window-bits=8",
    "no-length": "--no-content-length",
    "told-to-go-on": "--expect-continue",
    "trailers": "--trailer=x-trailer: kept",
    "no-table": "--header-table-size=0",
}


@pytest.mark.skipif(shutil.which("nghttp") is None, reason="nghttp (nghttp2-client) is absent")
@pytest.mark.parametrize("option", OPTIONS.values(), ids=OPTIONS)
def test_nghttp_is_served(agent: Agent, option: str, tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_text("b" * LONG)
    said = LocalShell().run(["nghttp", option, f"--data={body}", agent.url]).checked()
    assert json.loads(said)["echo"] == "b" * 4096


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load (nghttp2-client) is absent")
def test_h2load_is_served(agent: Agent) -> None:
    many = ["--requests=1000", "--clients=5", "--max-concurrent-streams=20", "--window-bits=10"]
    said = LocalShell().run(["h2load", *many, agent.url]).checked()
    assert "1000 succeeded, 0 failed, 0 errored, 0 timeout" in said
