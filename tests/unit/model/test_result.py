import pytest

from harness.model import Verdict, judge, worst
from harness.model.result import Phase


@pytest.mark.parametrize(
    ("phase", "broke", "by_assertion", "verdict"),
    [
        ("call", False, False, Verdict.PASSED),
        ("call", True, True, Verdict.FAILED),
        ("call", True, False, Verdict.UNKNOWN),
        ("setup", True, True, Verdict.UNKNOWN),
        ("teardown", True, True, Verdict.UNKNOWN),
    ],
)
def test_only_a_broken_expectation_counts_against_the_mesh(
    phase: Phase, broke: bool, by_assertion: bool, verdict: Verdict
) -> None:
    assert judge(phase, broke=broke, by_assertion=by_assertion) is verdict


def test_failure_outranks_doubt_and_doubt_outranks_success() -> None:
    assert worst([Verdict.PASSED, Verdict.UNKNOWN]) is Verdict.UNKNOWN
    assert worst([Verdict.UNKNOWN, Verdict.FAILED, Verdict.NOT_RUN]) is Verdict.FAILED
    assert worst([Verdict.PASSED, Verdict.FLAKY]) is Verdict.FLAKY


def test_silence_is_never_a_pass() -> None:
    assert worst([]) is Verdict.NOT_RUN
