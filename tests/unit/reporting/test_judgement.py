from typing import Any

import pytest

from harness.model import Fate, Level, Proof, Verdict
from harness.reporting import judgement

NAME = "two-by-two"


def core(record: Any) -> judgement.LevelSummary:
    return judgement.levels(record, NAME)[0]


def test_a_level_passes_when_everything_that_applies_passed(record: Any) -> None:
    summary = core(record())
    assert summary.level is Level.CORE
    assert summary.status == "passed"
    assert summary.counts == {Verdict.PASSED: 2, Verdict.NOT_APPLICABLE: 1}


def test_the_worst_check_decides_and_brings_its_reason(record: Any, result: Any) -> None:
    broken = result("CM-01", Verdict.UNKNOWN, "two", reason="no answer\ndetails")
    judged = judgement.outcomes(record(result("CM-01"), broken), NAME)
    assert (judged[0].verdict, judged[0].reason) == (Verdict.UNKNOWN, "no answer\ndetails")


def test_a_requirement_without_a_check_is_not_run(record: Any, result: Any) -> None:
    summary = core(record(result("CM-01")))
    assert summary.status == "blocked"
    assert summary.blocked_by == ("CM-02 not-run: no check of this run cites it",)


@pytest.mark.parametrize("verdict", sorted(set(Verdict) - judgement.CLEAN))
def test_every_verdict_but_passed_and_not_applicable_blocks(
    verdict: Verdict, record: Any, result: Any
) -> None:
    assert core(record(result("CM-01"), result("CM-02", verdict))).status == "blocked"


def test_nothing_that_applies_is_not_a_pass(record: Any, result: Any) -> None:
    seed = judgement.levels(record(), NAME)[2]
    assert seed.status == "nothing-checked"
    both = (result(each, Verdict.NOT_APPLICABLE) for each in ("CM-01", "CM-02"))
    assert core(record(*both)).status == "nothing-checked"


@pytest.mark.parametrize("more", [{"lost": ("test_x",)}, {"complete": False}])
def test_an_incomplete_run_certifies_nothing(more: dict[str, Any], record: Any) -> None:
    summary = core(record(**more))
    assert summary.status == "blocked"
    assert "incomplete" in summary.blocked_by[0]


def test_a_failure_shows_even_where_the_catalogue_does_not_judge(record: Any, result: Any) -> None:
    found = judgement.verdicts(record(result("VM-01", Verdict.FAILED)), NAME)
    assert found["VM-01"] is Verdict.FAILED
    found = judgement.verdicts(record(result("VM-01")), NAME)
    assert found["VM-01"] is Verdict.NOT_APPLICABLE


def test_a_sabotage_counts_once_however_many_requirements_its_check_cites(
    record: Any, result: Any
) -> None:
    proofs = (
        Proof(sabotage="cut", fate=Fate.KILLED),
        Proof(sabotage="wrong-root", fate=Fate.SURVIVED),
    )
    results = [result(each, check="same", proofs=proofs) for each in ("CM-01", "CM-02")]
    ratio = judgement.kill_ratio(record(*results))
    assert (ratio.killed, ratio.survived, ratio.total, str(ratio)) == (1, 1, 2, "1/2")
