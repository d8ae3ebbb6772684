"""Steps are taken in the order that they demand, side by side where they demand none."""

import threading

import pytest

from harness.meshes.installation import Apply, Installation, Step
from harness.meshes.runner import in_order


def _step(name: str, *after: str) -> Step:
    return Step(name, "east", Apply(()), after)


def test_a_step_is_taken_once_all_that_it_waits_for_are_done() -> None:
    taken: list[str] = []
    steps = [_step("c", "a", "b"), _step("a"), _step("b", "a")]
    in_order(steps, lambda step: taken.append(step.name))
    assert taken == ["a", "b", "c"]


def test_steps_that_wait_for_nothing_are_taken_side_by_side() -> None:
    meeting = threading.Barrier(2, timeout=10)
    met: list[int] = []
    in_order([_step("a"), _step("b")], lambda _: met.append(meeting.wait()))
    assert sorted(met) == [0, 1]


def test_a_failure_ends_it_and_what_is_under_way_is_waited_for() -> None:
    failed, taken = threading.Event(), []

    def take(step: Step) -> None:
        if step.name == "fails":
            failed.set()
            raise OSError("no room")
        assert failed.wait(10)
        taken.append(step.name)

    with pytest.raises(OSError, match="no room"):
        in_order([_step("fails"), _step("beside"), _step("next", "beside")], take)
    assert taken in (["beside"], ["beside", "next"])


def test_several_failures_are_all_told() -> None:
    meeting = threading.Barrier(2, timeout=10)

    def take(step: Step) -> None:
        meeting.wait()
        raise OSError(step.name)

    with pytest.raises(BaseExceptionGroup) as raised:
        in_order([_step("a"), _step("b")], take)
    assert sorted(map(str, raised.value.exceptions)) == ["a", "b"]


def test_no_steps_are_done_at_once() -> None:
    taken: list[Step] = []
    in_order([], taken.append)
    assert taken == []


@pytest.mark.parametrize(
    ("steps", "wrong"),
    [
        ((_step("a"), _step("a")), "'a' is there twice"),
        ((_step("a", "b"), _step("b")), "'a' waits for a later step"),
        ((_step("a", "nobody"),), "'a' waits for a later step"),
    ],
)
def test_steps_that_could_never_be_taken_are_refused(steps: tuple[Step, ...], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        Installation("toy", "t", steps)
