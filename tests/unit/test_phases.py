import pytest

from harness.phases import Phases


def test_a_phase_is_timed_said_and_kept() -> None:
    said: list[str] = []
    ticks = iter([100.0, 101.0, 103.5, 103.5])
    phases = Phases(said.append, clock=lambda: next(ticks))
    with phases.phase("raise"):
        pass
    assert said == ["[  3.50s] raise: 2.5s"]
    assert [(p.name, p.start, p.seconds, p.ok) for p in phases.done] == [("raise", 1, 2.5, True)]


def test_a_phase_that_fails_is_kept_too() -> None:
    said: list[str] = []
    phases = Phases(said.append)
    with pytest.raises(KeyboardInterrupt), phases.phase("install"):
        raise KeyboardInterrupt
    assert not phases.done[0].ok
    assert "install: FAILED after" in said[0]


def test_phases_are_listed_by_their_start() -> None:
    phases = Phases(lambda _: None)
    with phases.phase("outer"), phases.phase("inner"):
        pass
    assert [phase.name for phase in phases.done] == ["outer", "inner"]
