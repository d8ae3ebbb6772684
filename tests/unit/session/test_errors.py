"""What an error says about the mesh, and what it leaves open."""

import pytest

from harness.converge import Budget, NotConverged
from harness.session.errors import by_assertion

PROMISE = NotConverged("c1 reaches c2", Budget(), 3, 503)
MACHINERY = NotConverged("pods are ready", Budget(firm=True), 3, "Pending")
OVERDUE = pytest.fail.Exception("Timeout (>30.0s) from pytest-timeout.")


@pytest.mark.parametrize(
    "error",
    [
        AssertionError("a != b"),
        pytest.fail.Exception("no gateway was used"),
        pytest.fail.Exception("Timeout of the session was not kept"),
        PROMISE,
        BaseExceptionGroup("both", [PROMISE, AssertionError()]),
    ],
)
def test_a_broken_expectation_counts_against_the_mesh(error: BaseException) -> None:
    assert by_assertion(error)


@pytest.mark.parametrize(
    "error",
    [
        OSError("no route to host"),
        MACHINERY,
        OVERDUE,
        pytest.fail.Exception("Timeout >30.0s"),
        BaseExceptionGroup("both", [PROMISE, MACHINERY]),
    ],
)
def test_machinery_and_time_limits_leave_the_question_open(error: BaseException) -> None:
    assert not by_assertion(error)
