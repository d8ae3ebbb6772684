"""However a run ends, the lab is taken down, once, and a report tells what happened."""

import os
import signal
import sys

import pytest

from harness.converge import Budget, eventually
from harness.lab.keeper import OwningKeeper
from harness.reporting.verify import verify
from harness.session import failure_evidence
from harness.shell import start
from tests.live.trouble import descendants, gone
from tests.plugin.conftest import TOYS, Project

CHECK = """
@pytest.mark.requirement("TO-01")
def test_it(lab):
    pass

@pytest.mark.requirement("TO-02")
def test_pair(source, target):
    pass
"""
HANGS = """
@pytest.mark.requirement("TO-01")
def test_it(lab):
    open("hanging", "w").close()
    import threading
    threading.Event().wait()
"""
STEPS = ["prepare", "up", "install", "down"]


@pytest.mark.parametrize("broken", ["prepare", "up", "install"])
def test_a_lab_that_cannot_be_raised_is_not_held_against_the_mesh(
    project: Project, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    monkeypatch.setenv("TOY_BREAK", broken)
    project.check(CHECK)
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert set(project.results().values()) == {"unknown"}
    assert set(project.reasons().values()) == {
        f"no lab: OSError: {broken} is broken, token: «redacted»"
    }
    assert project.record()["trouble"] == [f"pair: OSError: {broken} is broken, token: «redacted»"]
    assert project.log.count("up") <= 1
    assert not project.leftovers
    run.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_two_workers_say_the_same_of_a_lab_that_cannot_be_raised(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_BREAK", "install")
    project.check(CHECK)
    run = project.run_apart("-n2")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert len(project.results()) == 3
    assert set(project.results().values()) == {"unknown"}
    assert (project.log.count("up"), project.log.count("down")) == (1, 1)
    assert not project.leftovers


def test_a_take_down_that_fails_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_BREAK", "down")
    project.check(CHECK)
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.record()["trouble"] == [
        "pair (take-down): OSError: down is broken, token: «redacted»"
    ]


def interrupted(
    project: Project, *options: str, hang: str = "", by: int = signal.SIGINT
) -> int | None:
    """Run pytest, signal it as soon as it hangs, and return its exit code."""
    command = [sys.executable, "-m", "pytest", *TOYS, "--topology=pair", *options]
    environment = {**os.environ, **({"TOY_HANG": hang} if hang else {})}
    hanging = project.path / "hanging"
    pytest_run = start(
        "pytest", command, output=project.path / "output", env=environment, cwd=project.path
    )
    try:
        eventually(hanging.exists, bool, what="pytest hangs", budget=Budget(60, 0.02))
        os.killpg(pytest_run.pid, by)  # as a terminal does with Ctrl-C, to workers too
        return pytest_run.wait(30)
    finally:
        pytest_run.end(grace=0.1)


@pytest.mark.parametrize("step", STEPS)
def test_ctrl_c_in_any_step_leaves_nothing(project: Project, step: str) -> None:
    project.check(CHECK)
    assert interrupted(project, hang=step) == pytest.ExitCode.INTERRUPTED
    assert not project.leftovers
    assert project.record()["complete"] is False or step == "down"
    assert list((project.path / "tmp").iterdir()) == []


def test_ctrl_c_in_a_check_leaves_nothing(project: Project) -> None:
    project.check(HANGS)
    assert interrupted(project) == pytest.ExitCode.INTERRUPTED
    assert project.log[-1] == "down"
    assert not project.leftovers
    assert project.report()["run"]["complete"] is False


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_termination_is_like_ctrl_c(project: Project, workers: list[str]) -> None:
    project.check(HANGS)
    assert interrupted(project, *workers, by=signal.SIGTERM) == pytest.ExitCode.INTERRUPTED
    assert project.log[-1] == "down"
    assert not project.leftovers
    assert project.record()["complete"] is False


@pytest.mark.parametrize("step", ["install", ""])
def test_ctrl_c_with_workers_leaves_nothing(project: Project, step: str) -> None:
    project.check(HANGS)
    assert interrupted(project, "-n2", hang=step) == pytest.ExitCode.INTERRUPTED
    assert project.log.count("down") == 1
    assert not project.leftovers
    assert project.record()["complete"] is False


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_an_end_on_the_second_of_several_topologies_leaves_nothing(
    project: Project, workers: list[str], by: int
) -> None:
    hangs = HANGS.replace(
        "(lab):", "(lab, topology):\n    if topology.name == 'pair':\n        return"
    )
    project.check(hangs)
    assert interrupted(project, "--topology=single", *workers, by=by) == pytest.ExitCode.INTERRUPTED
    assert project.log.count("down") == 2
    assert not project.leftovers
    assert project.record()["complete"] is False


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_no_process_outlives_a_run_that_is_killed(project: Project, workers: list[str]) -> None:
    project.check(HANGS + "\n@pytest.mark.requirement('TO-01')\ndef test_next(lab):\n    pass\n")
    command = [sys.executable, "-m", "pytest", *TOYS, "--topology=all", *workers]
    run = start("pytest", command, output=project.path / "output", cwd=project.path)
    hanging = project.path / "hanging"
    try:
        eventually(hanging.exists, bool, what="pytest hangs", budget=Budget(60, 0.02))
        inside = descendants(run.pid)
        run.signal(signal.SIGKILL)
        run.wait(10)
        gone(inside, within=60)  # xdist gives workers 15 s to end by themselves
    finally:
        run.end(grace=0.1)


def test_a_killed_worker_makes_its_check_unknown_and_the_report_incomplete(
    project: Project,
) -> None:
    project.check(
        """
@pytest.mark.requirement("TO-01")
def test_dies(lab):
    import signal
    os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.requirement("TO-01")
def test_lives(lab):
    pass
"""
    )
    run = project.run_apart("-n2")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert project.results() == {"test_dies": "unknown", "test_lives": "passed"}
    assert project.record()["lost"] == ["suites/test_it.py::test_dies"]
    assert project.report()["run"]["complete"] is False
    assert project.log.count("down") == 1
    assert not project.leftovers
    run.stdout.fnmatch_lines(["*lost with its worker: suites/test_it.py::test_dies*"])


def test_stopping_early_makes_the_report_incomplete(project: Project) -> None:
    project.check(CHECK.replace("pass", "assert False", 1))
    project.run("-x")
    assert project.report()["run"]["complete"] is False


def test_a_collection_error_still_leaves_a_report(project: Project) -> None:
    project.check("raise RuntimeError('half written')")
    assert project.run().ret == pytest.ExitCode.INTERRUPTED
    assert project.log == []
    assert project.report()["run"]["complete"] is False


@pytest.mark.parametrize("options", [["-n2"], ["--continue-on-collection-errors"]])
def test_what_could_not_be_collected_makes_the_report_incomplete(
    project: Project, options: list[str]
) -> None:
    project.check(CHECK)
    project.check("raise RuntimeError('half written, token: 0123456789abcdef')", "suites/test_b.py")
    assert project.run_apart(*options).ret != pytest.ExitCode.OK
    assert project.report()["run"]["complete"] is False
    assert project.record()["trouble"] == [
        "collecting suites/test_b.py: E   RuntimeError: half written, token: «redacted»"
    ]


@pytest.mark.parametrize(
    "options",
    [["suites/typo"], ["--help"], ["--fixtures"], ["suites/test_it.py::test_typo", "-n2"]],
)
def test_a_run_that_collects_nothing_replaces_no_report(
    project: Project, options: list[str]
) -> None:
    project.check(CHECK)
    (project.path / "reports").mkdir()
    good = project.path / "reports/conformance.yaml"
    good.write_text("the last good one")
    project.run_apart(*options)
    assert good.read_text() == "the last good one"
    assert not project.leftovers


def test_a_path_that_does_not_exist_is_told_before_workers_start(project: Project) -> None:
    project.check(CHECK)
    run = project.run("suites/typo", "-n2")
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert project.log == []
    run.stderr.fnmatch_lines(["*suites/typo: there is no such file"])


def test_a_report_that_cannot_be_written_is_no_success(project: Project) -> None:
    project.check(CHECK)
    (project.path / "reports/junit.xml").mkdir(parents=True)
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["JUnit: not written: IsADirectoryError*", "Allure: */allure-results"])


def test_a_record_that_cannot_be_written_costs_no_other_report(project: Project) -> None:
    project.check(CHECK)
    (project.path / "reports/record.json").mkdir(parents=True)
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(["record: not written: IsADirectoryError*"])
    assert project.report()["run"]["complete"] is True


def test_an_error_while_closing_is_told_in_the_report(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: OwningKeeper) -> None:
        raise OSError("disk full")

    project.check("@pytest.mark.requirement('TO-01')\ndef test_it():\n    pass\n")
    monkeypatch.setattr(OwningKeeper, "close", broken)
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.record()["trouble"] == ["taking the lab down: OSError: disk full"]


def test_evidence_that_cannot_be_taken_costs_no_verdict(project: Project) -> None:
    project.check(CHECK.replace("pass", "assert False", 1))
    (project.path / "reports").mkdir()
    (project.path / "reports/evidence").write_text("no directory")
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.no_fnmatch_line("*INTERNALERROR*")
    failed = project.record()["results"][0]
    assert (failed["verdict"], failed["evidence"]) == ("failed", "")
    assert failed["notes"][0].startswith("no evidence: ")


def test_a_report_claims_the_evidence_of_its_own_run_only(project: Project) -> None:
    project.check(CHECK.replace("pass", "assert False", 1))
    project.run()
    first = {each["path"] for each in project.record()["evidence"]}
    project.run()
    second = {each["path"] for each in project.record()["evidence"]}
    assert first
    assert second
    assert not first & second
    assert verify(project.path / "reports") == []


def test_a_check_beyond_the_limit_of_evidence_says_so(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.check(CHECK.replace("pass", "assert False", 1))
    monkeypatch.setattr(failure_evidence, "LIMIT", 0)
    project.run()
    notes = project.record()["results"][0]["notes"]
    assert notes == ["no evidence: 0 checks have left theirs in this process before"]
