from pathlib import Path

import pytest

from harness.model import MachineError
from harness.phases import Phases
from harness.providers.offline import engine
from harness.providers.offline.engine import Engine, Status
from harness.providers.offline.engine.connection import HOST_VARIABLE
from harness.verbs import cli, codes

OURS = Engine("unix:///home/engine/docker.sock", 7, "20.10.24", "1.41")
MACHINES = Engine("unix:///var/run/docker.sock", None, "28.0", "1.48")
PLACE = Path("/home/engine")
Printed = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOST_VARIABLE, raising=False)
    set_up(monkeypatch, ours=None, used=None)


def set_up(
    monkeypatch: pytest.MonkeyPatch, *, ours: Engine | None, used: Engine | None, size: int = 0
) -> None:
    seen = Status(PLACE, ours, 0.0 if ours else None, size)
    monkeypatch.setattr(engine, "status", lambda: seen)
    monkeypatch.setattr(engine, "find", lambda: used)


def test_up_prints_how_to_use_it(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    monkeypatch.setattr(engine, "up", lambda phases: OURS)
    assert cli.main(["engine", "up"]) == 0
    printed = capsys.readouterr().out
    assert "Docker 20.10.24 is up, pid 7" in printed
    assert f"DOCKER_HOST={OURS.url}\n" in printed


def test_up_says_when_another_engine_would_be_used_nevertheless(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.setattr(engine, "up", lambda phases: OURS)
    monkeypatch.setenv(HOST_VARIABLE, MACHINES.url)
    assert cli.main(["engine", "up"]) == 0
    assert f"is set to {MACHINES.url}, which labs use instead" in capsys.readouterr().out


def test_up_where_it_is_impossible_is_the_machines_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    def refused(phases: Phases) -> Engine:
        raise MachineError("needs root", "use DOCKER_HOST")

    monkeypatch.setattr(engine, "up", refused)
    assert cli.main(["engine", "up"]) == codes.UNABLE
    assert "needs root; use DOCKER_HOST" in capsys.readouterr().err


@pytest.mark.parametrize(("there", "text"), [(True, "is down"), (False, "no engine of ours")])
def test_down_says_whether_there_was_one(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed, there: bool, text: str
) -> None:
    monkeypatch.setattr(engine, "down", lambda phases, purge: there)
    assert cli.main(["engine", "down"]) == 0
    assert text in capsys.readouterr().out


def test_down_tells_what_stays(monkeypatch: pytest.MonkeyPatch, capsys: Printed) -> None:
    set_up(monkeypatch, ours=None, used=None, size=1300)
    monkeypatch.setattr(engine, "down", lambda phases, purge: True)
    cli.main(["engine", "down"])
    assert "1.3 GB in /home/engine (--purge removes them)" in capsys.readouterr().out


def test_purge_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def down(phases: Phases, *, purge: bool) -> bool:
        asked.append(purge)
        return True

    monkeypatch.setattr(engine, "down", down)
    cli.main(["engine", "down", "--purge"])
    assert asked == [True]


def test_status_tells_of_our_engine_and_which_one_labs_use(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    set_up(monkeypatch, ours=OURS, used=OURS, size=2100)
    assert cli.main(["engine", "status"]) == 0
    printed = capsys.readouterr().out
    assert "Docker 20.10.24, pid 7, since 19" in printed
    assert "2.1 GB" in printed
    assert f"labs on kind use Docker 20.10.24 at {OURS.url}" in printed


def test_status_fails_only_where_labs_find_no_engine(
    monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    assert cli.main(["engine", "status"]) == 1
    assert "labs on kind find no engine" in capsys.readouterr().out
    set_up(monkeypatch, ours=None, used=MACHINES)
    assert cli.main(["engine", "status"]) == 0
    assert "our own engine: down" in capsys.readouterr().out
