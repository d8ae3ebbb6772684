from pathlib import Path

import pytest

from harness.converge import Budget
from harness.model import MachineError
from harness.phases import Phases
from harness.providers.fabric import host
from harness.providers.fabric.claims import Claim
from harness.providers.offline import engine
from harness.providers.offline.engine import lifecycle
from harness.providers.offline.engine.engine_dir import EngineDir
from harness.providers.offline.engine.sysctls import LIMITS, Ledger

from .conftest import DOCKER, Serve


@pytest.fixture(autouse=True)
def root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ledger:
    """Root on a machine with every program, with settings that nobody else sees."""
    ledger = Ledger(tmp_path / "run", tmp_path / "sys")
    ledger.directory.mkdir()
    for name in LIMITS:
        path = ledger.settings / name.replace(".", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("100\n")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(host, "find", lambda name: f"/bin/{name}")
    monkeypatch.setattr(lifecycle, "Ledger", lambda: ledger)
    return ledger


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def phases(said: list[str]) -> Phases:
    return Phases(say=said.append)


def without_namespaces(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Start ``module`` as it is in place of a supervisor in namespaces."""
    monkeypatch.setattr(host, "unshare", lambda: ())
    monkeypatch.setattr(lifecycle, "_MODULE", module)


def test_an_ordinary_account_is_told_about_root_and_the_other_way(
    place: EngineDir, phases: Phases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(MachineError, match=r"needs root.*DOCKER_HOST"):
        engine.up(phases)
    assert not place.path.exists()


def test_missing_programs_are_told_with_their_packages(
    place: EngineDir, phases: Phases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host, "find", lambda name: None if name == "dockerd" else "x")
    with pytest.raises(MachineError, match=r"missing programs: dockerd; install docker\.io"):
        engine.up(phases)


def test_an_engine_that_is_up_is_found_and_not_started(
    place: EngineDir, phases: Phases, serve: Serve
) -> None:
    serve(place.socket, DOCKER)
    place.ready.touch()
    assert engine.up(phases).url == place.url
    assert not place.config.exists()


def test_an_engine_that_ends_at_once_is_told_with_its_last_words_and_leaves_nothing(
    place: EngineDir, phases: Phases, root: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_namespaces(monkeypatch, "this")
    with pytest.raises(MachineError, match=r"ended at once: (?s:.*)Namespaces are one honking"):
        engine.up(phases)
    assert list(place.path.iterdir()) == [place.data]
    assert root.value("fs.inotify.max_user_instances") == 100


def test_an_engine_that_stays_silent_is_ended(
    place: EngineDir, phases: Phases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "silence.py").write_text("import time\ntime.sleep(60)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    without_namespaces(monkeypatch, "silence")
    monkeypatch.setattr(lifecycle, "_BOOT", Budget(timeout=0.2, interval=0.02))
    claimed: list[int] = []
    write = Claim.write

    def noting(claim: Claim, pid: int) -> None:
        claimed.append(pid)
        write(claim, pid)

    monkeypatch.setattr(Claim, "write", noting)
    with pytest.raises(MachineError, match=r"was silent for 0\.2s"):
        engine.up(phases)
    assert not Path(f"/proc/{claimed[0]}").exists()


def test_limits_that_may_not_be_raised_are_said(
    place: EngineDir,
    phases: Phases,
    said: list[str],
    root: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(ledger: Ledger, pid: int) -> list[str]:
        raise PermissionError("read-only")

    monkeypatch.setattr(Ledger, "lend", refused)
    without_namespaces(monkeypatch, "this")
    with pytest.raises(MachineError):
        engine.up(phases)
    assert "limits of this machine stay low" in "".join(said)


def test_down_without_an_engine_is_harmless(place: EngineDir, phases: Phases) -> None:
    assert engine.down(phases) is False
    assert not place.path.exists()


def test_down_keeps_the_data_unless_asked_to_purge(place: EngineDir, phases: Phases) -> None:
    place.make()
    (place.data / "image").touch()
    assert engine.down(phases) is False
    assert (place.data / "image").exists()
    engine.down(phases, purge=True)
    assert not place.path.exists()


def test_reap_removes_what_a_killed_engine_left(place: EngineDir, phases: Phases) -> None:
    assert engine.reap(phases) is False
    place.make()
    place.log.touch()
    place.ready.touch()
    assert engine.reap(phases) is True
    assert list(place.path.iterdir()) == [place.data]


def test_status_of_no_engine_tells_the_size_of_what_it_left(place: EngineDir) -> None:
    place.make()
    (place.data / "image").write_bytes(b"x" * 3_000_000)
    seen = engine.status()
    assert seen.engine is None
    assert seen.since is None
    assert seen.megabytes == 2 or seen.megabytes == 3


def test_status_tells_since_when_it_is_up(place: EngineDir, serve: Serve) -> None:
    serve(place.socket, DOCKER)
    place.ready.touch()
    seen = engine.status()
    assert seen.engine
    assert seen.since == place.ready.stat().st_mtime
