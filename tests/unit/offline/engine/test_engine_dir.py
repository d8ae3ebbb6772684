import os
from pathlib import Path

import pytest

from harness.artifacts.home import HOME_VARIABLE
from harness.converge import Budget
from harness.model import MachineError
from harness.phases import Phases
from harness.providers.offline.engine import engine_dir as module
from harness.providers.offline.engine.engine_dir import EngineDir, check, own


@pytest.mark.parametrize("home", ["/tmp/" + "x" * 100, "/run/user/0/meshproof"])
def test_a_place_where_no_engine_can_live_is_refused(
    home: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, home)
    with pytest.raises(MachineError, match=f"set {HOME_VARIABLE} to a short path"):
        check(own())


def test_a_short_path_is_accepted(place: EngineDir) -> None:
    check(place)


def test_a_claim_names_a_process_as_long_as_it_is_that_one(place: EngineDir) -> None:
    place.make()
    assert place.holder() is None
    place.supervisor.write(os.getpid())
    assert place.holder() == os.getpid()
    (place.path / "supervisor").write_text(f"{os.getpid()} 1\n")
    assert place.holder() is None


def test_no_process_is_first_without_a_claim(place: EngineDir) -> None:
    assert place.first() is None


def test_clearing_keeps_the_data_and_nothing_else(place: EngineDir) -> None:
    place.make()
    (place.data / "image").touch()
    for path in (place.log, place.config, place.ready):
        path.touch()
    place.clear()
    assert list(place.path.iterdir()) == [place.data]
    assert (place.data / "image").exists()


def test_purging_removes_the_data_too_and_is_harmless_when_repeated(place: EngineDir) -> None:
    place.make()
    (place.data / "image").touch()
    place.purge()
    place.purge()
    assert not place.path.exists()


def test_the_place_is_closed_to_others(place: EngineDir) -> None:
    place.make()
    assert place.path.stat().st_mode & 0o777 == 0o700


def test_two_places_have_two_control_groups(short: Path) -> None:
    assert EngineDir(short / "a").cgroup != EngineDir(short / "b").cgroup


def test_who_comes_second_waits_and_is_told(
    place: EngineDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TURN", Budget(timeout=0.05, interval=0.01))
    said: list[str] = []
    with place.alone(Phases()), pytest.raises(MachineError, match="end that command"):
        place.alone(Phases(say=said.append)).__enter__()
    assert "another command" in said[0]
    with place.alone(Phases(say=said.append)):
        assert len(said) == 1


def test_the_last_words_are_the_end_of_the_log_without_secrets(place: EngineDir) -> None:
    assert place.tail() == "(it said nothing)"
    place.make()
    place.log.write_text("one\ntwo\ntoken: abcdefghijklmnopqrstuvwxyz\n")
    assert place.tail(lines=2) == "two\ntoken: «redacted»"
