from pathlib import Path

import pytest

from harness.providers.fabric import host
from harness.providers.offline.engine import connection, lacks, preflight, sysctls
from harness.providers.offline.engine.connection import HOST_VARIABLE, Answer
from harness.providers.offline.engine.engine_dir import EngineDir

from .conftest import DOCKER, Serve, version


@pytest.fixture(autouse=True)
def ordinary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An ordinary account on a machine with every program and high limits."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    monkeypatch.setattr(host, "find", lambda name: f"/bin/{name}")
    monkeypatch.setattr(preflight, "Ledger", lambda: sysctls.Ledger(tmp_path, tmp_path))


def test_nothing_is_lacking_with_an_engine_that_answers(machines: Path, serve: Serve) -> None:
    serve(machines, DOCKER)
    assert lacks() == []


def test_an_ordinary_account_without_an_engine_is_told_to_start_one(machines: Path) -> None:
    (lack,) = lacks()
    assert "start Docker" in lack
    assert "needs root" in lack
    assert HOST_VARIABLE in lack


def test_root_without_an_engine_is_told_the_command(
    machines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    (lack,) = lacks()
    assert "run `meshproof engine up`" in lack


def test_root_without_the_programs_is_told_the_packages(
    machines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "find", lambda name: None)
    assert "install containerd docker.io iproute2" in lacks()[0]


def test_a_named_engine_that_does_not_answer_is_told_with_its_name(
    machines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOST_VARIABLE, "unix:///nowhere/docker.sock")
    (lack,) = lacks()
    assert "unix:///nowhere/docker.sock" in lack
    assert "unset it" in lack


@pytest.mark.parametrize(
    "url", ["tcp://10.1.2.3:2375", "tcp://docker:2376", "ssh://me@far", "ssh://me@localhost"]
)
def test_an_engine_on_another_host_is_refused_before_it_is_asked(
    machines: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(HOST_VARIABLE, url)
    monkeypatch.setattr(preflight, "ask", lambda url: pytest.fail(f"{url} was asked"))
    (lack,) = lacks()
    assert url in lack
    assert "--provider embedded" in lack


@pytest.mark.parametrize("url", ["tcp://127.0.0.1:2375", "tcp://localhost:1", "tcp://[::1]:2375"])
def test_an_engine_of_this_host_may_be_reached_by_tcp(
    machines: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv(HOST_VARIABLE, url)
    monkeypatch.setattr(preflight, "ask", lambda url: Answer(version="28.0"))
    assert lacks() == []


def test_a_socket_without_permission_is_told_with_the_remedy(
    machines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "ask", lambda url: Answer(trouble="denied", forbidden=True))
    (lack,) = lacks()
    assert str(machines) in lack
    assert "usermod -aG docker" in lack


def test_a_refusal_by_the_kernel_is_a_lack_of_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(url: str, timeout: float) -> object:
        raise PermissionError("denied")

    monkeypatch.setattr(connection, "_over_socket", refused)
    assert connection.ask("unix:///x").forbidden


@pytest.mark.parametrize(("number", "fits"), [("19.03.1", False), ("20.10.0", True), ("28", True)])
def test_an_engine_that_is_too_old_is_told(
    machines: Path, serve: Serve, number: str, fits: bool
) -> None:
    serve(machines, version(number))
    assert (lacks() == []) is fits
    assert fits or "install 20.10 or newer" in lacks()[0]


def test_podman_behind_the_socket_is_told(machines: Path, serve: Serve) -> None:
    serve(machines, version("4.3.1", "Podman Engine"))
    assert "Podman" in lacks()[0]


def test_a_missing_docker_command_is_told(
    machines: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve(machines, DOCKER)
    monkeypatch.setattr(host, "find", lambda name: None)
    (lack,) = lacks()
    assert "command docker" in lack


def test_low_limits_are_told_to_who_may_not_raise_them(
    machines: Path, serve: Serve, tmp_path: Path
) -> None:
    serve(machines, DOCKER)
    (tmp_path / "fs/inotify").mkdir(parents=True)
    (tmp_path / "fs/inotify/max_user_instances").write_text("128\n")
    (lack,) = lacks()
    assert "sysctl -w fs.inotify.max_user_instances=8192" in lack


def test_our_own_engine_takes_care_of_limits(
    machines: Path, serve: Serve, place: EngineDir, tmp_path: Path
) -> None:
    serve(place.socket, DOCKER)
    place.ready.touch()
    (tmp_path / "fs/inotify").mkdir(parents=True)
    (tmp_path / "fs/inotify/max_user_instances").write_text("128\n")
    assert lacks() == []
