import socket
from pathlib import Path

import pytest

from harness.providers.offline.engine import Engine, find
from harness.providers.offline.engine.connection import HOST_VARIABLE, ask
from harness.providers.offline.engine.engine_dir import EngineDir

from .conftest import DOCKER, Serve, version


def test_no_engine_is_found_where_none_answers(machines: Path) -> None:
    assert find() is None


def test_the_machines_engine_is_found_with_its_version(machines: Path, serve: Serve) -> None:
    url = serve(machines, DOCKER)
    assert find() == Engine(url, None, "20.10.24+dfsg1", "1.41")


def test_our_own_engine_comes_before_the_machines(
    machines: Path, serve: Serve, place: EngineDir
) -> None:
    serve(machines, DOCKER)
    serve(place.socket, version("28.0"))
    place.ready.touch()
    found = find()
    assert found
    assert found.url == place.url


def test_our_own_engine_is_not_used_before_it_is_ready(
    machines: Path, serve: Serve, place: EngineDir
) -> None:
    serve(place.socket, DOCKER)
    assert find() is None


def test_an_engine_that_was_named_is_the_only_candidate(
    machines: Path, short: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(machines, DOCKER)
    monkeypatch.setenv(HOST_VARIABLE, f"unix://{short}/named.sock")
    assert find() is None
    named = serve(short / "named.sock", version("25.0"))
    found = find()
    assert found
    assert (found.url, found.version) == (named, "25.0")


def test_a_socket_that_nobody_serves_is_no_engine(machines: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(machines))
    assert find() is None


def test_an_engine_that_hangs_is_given_up(machines: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deaf:
        deaf.bind(str(machines))
        deaf.listen()
        answer = ask(f"unix://{machines}", timeout=0.05)
    assert not answer.ok
    assert "timed out" in answer.trouble


def test_something_else_behind_a_socket_is_no_engine(machines: Path, serve: Serve) -> None:
    answer = ask(serve(machines, ["not", "an", "engine"]))
    assert not answer.ok
    assert "not a container engine" in answer.trouble


def test_an_engine_that_cannot_be_reached_over_the_network_is_trouble_not_an_exception(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(HOST_VARIABLE, "tcp://127.0.0.1:1")
    answer = ask("tcp://127.0.0.1:1")
    assert not answer.ok
    assert answer.trouble


def test_commands_are_told_to_use_exactly_this_engine() -> None:
    engine = Engine("unix:///x", None, "28", "1.50")
    assert engine.environment() == {"DOCKER_HOST": "unix:///x", "DOCKER_CONTEXT": ""}


def test_only_our_own_engine_has_an_inside() -> None:
    assert Engine("unix:///x", None, "28", "1.50").inside() == ()
    inside = Engine("unix:///x", 7, "28", "1.50").inside()
    assert inside == ("nsenter", "--target=7", "--mount", "--net", "--")
