"""What nodes get beyond what kind asks for."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest

from harness.artifacts.home import HOME_VARIABLE
from harness.providers.kind import docker_wrapper
from harness.shell import LocalShell

LABELS = {"meshproof.lab": "ab12", "meshproof.state": "host:/tmp/a place/ab12"}


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A docker command that prints its words, one a line."""
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path / "home"))
    script = tmp_path / "docker"
    script.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    script.chmod(0o755)
    return script


def run(docker: Path, *words: str) -> list[str]:
    env = docker_wrapper.settings(
        str(docker), {"node-a": "10.77.1.11", "node-b": "10.77.1.12"}, LABELS
    )
    command = str(docker_wrapper.directory() / "docker")
    return LocalShell().run([command, *words], env=env).checked().splitlines()


def test_a_node_gets_its_address_and_the_labels_of_the_lab(docker: Path) -> None:
    asked = ["--name", "node-b", "--hostname", "node-b", "--label", "a=b c", "image"]
    words = run(docker, "run", *asked)
    assert words[0] == "run"
    assert words[-len(asked) :] == asked, "what kind asks for stays as it is, and last"
    added = words[1 : -len(asked)]
    pairs = list(zip(added[::2], added[1::2], strict=True))
    labels = {("--label", f"{key}={value}") for key, value in LABELS.items()}
    assert {pair for pair in pairs if pair[0] != "--env"} == {("--ip", "10.77.1.12"), *labels}


def test_no_proxy_of_the_users_docker_gets_into_a_node(docker: Path) -> None:
    words = run(docker, "run", "image")
    given = {after for word, after in pairwise(words) if word == "--env"}
    assert {"HTTP_PROXY=", "https_proxy=", "no_proxy=", "ALL_PROXY="} <= given


def test_two_threads_may_write_the_script_at_once(
    docker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both, chmod = threading.Barrier(2), Path.chmod

    def together(path: Path, mode: int) -> None:
        chmod(path, mode)
        both.wait(10)

    monkeypatch.setattr(Path, "chmod", together)
    with ThreadPoolExecutor() as pool:
        (place,) = set(pool.map(lambda _: docker_wrapper.directory(), range(2)))
    assert [path.name for path in place.iterdir()] == ["docker"]


def test_a_container_that_is_no_node_of_ours_gets_no_address(docker: Path) -> None:
    assert "--ip" not in run(docker, "run", "--name", "node", "image")


def test_other_commands_pass_as_they_are(docker: Path) -> None:
    assert run(docker, "exec", "--name", "node-a", "x y") == ["exec", "--name", "node-a", "x y"]


def test_the_script_is_written_anew_if_it_was_changed(docker: Path) -> None:
    script = docker_wrapper.directory() / "docker"
    script.write_text("#!/bin/sh\n")
    assert docker_wrapper.directory() / "docker" == script
    assert "MESHPROOF_NODES" in script.read_text()
    assert os.access(script, os.X_OK)
    assert [path.name for path in script.parent.iterdir()] == ["docker"]
