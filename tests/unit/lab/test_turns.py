import threading
from pathlib import Path

import pytest

from harness import locks
from harness.lab.turns import Turns


@pytest.fixture
def turns(tmp_path: Path) -> Turns:
    return Turns(tmp_path / "turns")


def is_free(turns: Turns, name: str, *, shared: bool) -> bool:
    with locks.of_file(turns.directory / name) as lock:
        return lock.taken(shared=shared)


def test_many_may_be_inside_side_by_side(turns: Turns) -> None:
    with turns.side_by_side(), turns.side_by_side():
        assert is_free(turns, "room", shared=True)
        assert not is_free(turns, "room", shared=False)


def test_nobody_is_beside_one_who_is_alone(turns: Turns) -> None:
    with turns.alone():
        assert not is_free(turns, "room", shared=True)
    assert is_free(turns, "room", shared=False)


def test_newcomers_wait_behind_one_who_wants_to_be_alone(turns: Turns) -> None:
    order: list[str] = []

    def want() -> None:
        with turns.alone():
            order.append("alone")

    with turns.side_by_side():
        waiting = threading.Thread(target=want)
        waiting.start()
        while is_free(turns, "door", shared=True):  # until it stands in the door
            pass
        order.append("inside")
    with turns.side_by_side():
        order.append("newcomer")
    waiting.join(5)
    assert order == ["inside", "alone", "newcomer"]
