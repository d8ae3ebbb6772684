"""What people complain of in harnesses, each shown not to happen here. Where nothing is named,
the test is in this file.

- One selected check runs, and the others count as success:
  ``test_one_selected_check_certifies_nothing``, ``test_selection.py``.
- A report that machines read contradicts its page: ``tests/unit/reporting/test_agreement.py``.
- ``-x`` or ``--maxfail`` with workers takes down twice: ``test_stopping_early_takes_down_once``.
- A dying worker takes verdicts with it, or another check is blamed:
  ``test_a_worker_that_dies_*``, ``test_endings.py``.
- The second run fails by what the first left: ``test_a_second_run_*``,
  ``tests/unit/lab/test_keeper.py``; checks put back: ``tests/unit/workloads/test_site.py``.
- A deletion that hangs ends in success: ``test_a_take_down_that_hangs_*``,
  ``tests/unit/test_kube.py``, ``test_endings.py``.
- A check's disruption is seen by others: ``test_two_sessions_take_turns_on_one_kept_lab``,
  ``test_labs.py``, ``tests/unit/lab/test_turns.py``.
- Two labs that are raised at once get in each other's way: ``tests/unit/fabric/test_state.py``,
  ``tests/unit/kind/test_reservations.py``.
- The list of targets was empty, and the check passed for years:
  ``test_an_empty_axis_never_passes``, ``test_verdicts.py``.
- Checks of distributions flake: ``tests/unit/probes/test_proportion.py``.
- A load balancer that takes its time turns checks red:
  ``test_a_slow_load_balancer_is_unknown``; late machinery in a check: ``test_verdicts.py``.
- Nobody can tell from the output what failed:
  ``test_one_line_tells_promise_pair_direction_and_cause``.
"""

import os
import signal
import sys
from pathlib import Path

import pytest

from harness.converge import Budget, eventually
from harness.reporting.verify import verify
from harness.shell import Running, start
from tests.plugin.conftest import TOYS, Project

MANY = """
@pytest.mark.parametrize("number", range(12))
@pytest.mark.requirement("TO-01")
def test_each(number, lab):
    assert number != 2, "the third is bad"
"""


def quiet(run: pytest.RunResult) -> None:
    for line in ("*INTERNALERROR*", "*Traceback (most recent*", "*Exception ignored*"):
        run.stdout.no_fnmatch_line(line)
        run.stderr.no_fnmatch_line(line)


def apart(project: Project, *options: str, name: str = "output") -> Running:
    command = [sys.executable, "-m", "pytest", *TOYS, "--topology=pair", *options]
    return start(
        "pytest", command, output=project.path / name, env={**os.environ}, cwd=project.path
    )


def until(path: Path) -> None:
    eventually(path.exists, bool, what=f"{path.name} is there", budget=Budget(30, 0.02, firm=True))


def test_one_selected_check_certifies_nothing(project: Project) -> None:
    project.check(MANY)
    run = project.run("suites/test_it.py::test_each[5]")
    run.stdout.fnmatch_lines(["not selected, so level core is blocked: TO-01 (11)"])
    topology = project.report()["topologies"][0]
    verdicts = {each["id"]: each["verdict"] for each in topology["requirements"]}
    assert verdicts["TO-01"] == "not-run"
    assert topology["levels"]["core"]["status"] == "blocked"


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_stopping_early_takes_down_once(project: Project, option: str) -> None:
    project.check(MANY)
    run = project.run_apart("-n2", option)
    quiet(run)
    assert run.ret != pytest.ExitCode.OK
    assert (project.log.count("up"), project.log.count("down")) == (1, 1)
    assert not project.leftovers
    assert project.results()["test_each[2]"] == "failed"
    assert project.report()["run"]["complete"] is False
    assert verify(project.path / "reports") == []


DIES = """
import signal

@pytest.fixture(scope="{scope}")
def dying(lab):
    yield
    os.kill(os.getpid(), signal.SIGKILL)

@pytest.mark.requirement("TO-01")
def test_dies_afterwards(dying):
    pass

@pytest.mark.parametrize("number", range(6))
@pytest.mark.requirement("TO-02")
def test_lives(number, lab):
    pass
"""


@pytest.mark.parametrize("scope", ["function", "module"])
def test_a_worker_that_dies_in_a_take_down_costs_its_own_check_only(
    project: Project, scope: str
) -> None:
    project.check(DIES.replace("{scope}", scope))
    run = project.run_apart("-n2", "--dist=load")
    quiet(run)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    results = project.results()
    lost = {name.partition("::")[2] for name in project.record()["lost"]}
    assert len(lost) == 1
    assert {results[name] for name in lost} == {"unknown"}
    assert {results[name] for name in results if name not in lost} == {"passed"}
    assert len(results) == 7
    assert project.log.count("down") == 1
    assert not project.leftovers
    assert project.report()["run"]["complete"] is False


LEAVES = """
@pytest.mark.disturbs
@pytest.mark.requirement("TO-01")
def test_it(lab):
    with open("labs-used", "a") as file:
        file.write(lab.id + "\\n")
    if os.path.exists("hang"):
        open("hanging", "w").close()
        import threading
        threading.Event().wait()
"""


def test_a_second_run_does_not_build_on_what_a_killed_one_left(project: Project) -> None:
    project.check(LEAVES)
    project.run("--keep")
    (project.path / "hang").touch()
    first = apart(project, "--reuse")
    try:
        until(project.path / "hanging")
    finally:
        first.signal(signal.SIGKILL)
        first.wait(10)
    (project.path / "hang").unlink()
    run = project.run("--reuse", "--keep")
    assert run.ret == pytest.ExitCode.OK
    run.stdout.fnmatch_lines(["*kept lab paper-* is as a check left it whose process was killed*"])
    kept, disturbed, fresh = (project.path / "labs-used").read_text().split()
    assert kept == disturbed != fresh
    project.run("--reuse").stdout.fnmatch_lines([f"*reusing lab {fresh}*"])


def test_a_second_run_does_not_reuse_a_lab_that_lost_a_worker(project: Project) -> None:
    project.check(DIES.replace("{scope}", "function"))
    project.run_apart("-n2", "--keep")
    project.check(MANY)
    project.run("--reuse").stdout.fnmatch_lines(
        ["*is as a check left it whose process was killed*"]
    )
    assert project.log.count("up") == 2


def test_a_take_down_that_hangs_is_no_success(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.check(MANY.replace("number != 2", "True"))
    monkeypatch.setenv("TOY_HANG", "down")
    hangs = apart(project)
    try:
        until(project.path / "hanging")
        hangs.signal(signal.SIGINT)
        assert hangs.wait(20) == pytest.ExitCode.INTERRUPTED
    finally:
        hangs.end(grace=0.1)
    assert not project.leftovers
    assert set(project.results().values()) == {"passed"}


TAKES_TURNS = """
import threading

def wait_for(name):
    for _ in range(1500):
        if os.path.exists(name):
            return
        threading.Event().wait(0.02)
    raise TimeoutError(name)

@pytest.mark.disturbs
@pytest.mark.requirement("TO-01")
def test_alone(lab):
    open("alone", "w").close()
    wait_for("other-is-at-its-turn")
    threading.Event().wait(0.3)
    os.unlink("alone")

@pytest.mark.requirement("TO-02")
def test_beside(lab):
    assert not os.path.exists("alone")
"""


def test_two_sessions_take_turns_on_one_kept_lab(project: Project) -> None:
    project.check(TAKES_TURNS)
    (project.path / "other-is-at-its-turn").touch()
    project.run("--keep")
    (project.path / "other-is-at-its-turn").unlink()
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """

import pytest

@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    if item.name == "test_beside" and (HERE / "alone").exists():
        (HERE / "other-is-at-its-turn").touch()
    return (yield)
"""
    )
    disturbing = apart(project, "--reuse", "-k", "test_alone", name="one")
    try:
        until(project.path / "alone")
        other = project.run_apart("--reuse", "-k", "test_beside", "--report-dir=other")
        assert disturbing.wait(30) == pytest.ExitCode.OK
    finally:
        disturbing.end(grace=0.1)
    other.assert_outcomes(passed=1, deselected=1)
    assert project.log.count("up") == 1


def test_an_empty_axis_never_passes(project: Project) -> None:
    project.check(
        """
@pytest.mark.parametrize("target_of_nobody", [])
@pytest.mark.requirement("TO-01")
def test_of_an_empty_list(target_of_nobody, lab):
    raise AssertionError("must not run")

@pytest.mark.requirement("TO-02")
def test_pairs(source, target):
    raise AssertionError("must not run")
"""
    )
    assert project.run(topology="single").ret == pytest.ExitCode.TESTS_FAILED
    verdicts = dict(zip(("TO-01", "TO-02"), project.results().values(), strict=True))
    assert verdicts == {"TO-01": "skipped", "TO-02": "not-applicable"}
    core = project.report()["topologies"][0]["levels"]["core"]
    assert "passed" not in core["counts"]
    assert core["status"] == "blocked"


def test_a_slow_load_balancer_is_unknown(project: Project) -> None:
    project.check(MANY)
    conftest = project.path / "conftest.py"
    conftest.write_text(
        conftest.read_text()
        + """

from harness.converge import Budget, NotConverged

def install(self, lab, installation, phases):
    raise NotConverged("gateway of east has an address", Budget(60, firm=True), 300, "none")

Toy.install = install
"""
    )
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    cause = "gateway of east has an address: not seen within 60s (300 looks); last saw none"
    assert set(project.results().values()) == {"unknown"}
    assert set(project.reasons().values()) == {f"no lab: {cause}"}
    assert project.record()["trouble"] == [f"pair: {cause}"]
    told = [line for line in run.outlines if line.startswith("unknown TO-01")]
    assert len(told) == 1
    run.stdout.fnmatch_lines([f"unknown 11 more times for the same reason: no lab: {cause}"])


def test_one_line_tells_promise_pair_direction_and_cause(project: Project) -> None:
    project.check(
        """
@pytest.mark.requirement("TO-02")
def test_reaches(source, target):
    assert source.name == "east", f"{source} got 503 from {target}\\nand more of it"
"""
    )
    run = project.run()
    (line,) = [line for line in run.outlines if line.startswith("failed TO-02")]
    assert line == (
        "failed TO-02 Title of TO-02: suites/test_it.py::test_reaches[west->east]: "
        "west got 503 from east"
    )
