"""What becomes of a check's outcome, alone and with two workers."""

import pytest

from tests.plugin.conftest import Project

ALL_KINDS = """
@pytest.mark.requirement("TO-01")
def test_passes(lab):
    assert lab.clusters

@pytest.mark.requirement("TO-01")
def test_cannot_tell(lab):
    raise OSError("no route to host")

@pytest.mark.requirement("TO-02")
def test_fails(source, target, notes, waits, observed):
    notes("n=400")
    waits(1.5)
    observed(source, target, "gateway", 3)
    assert source.name == target.name, f"{source} is not {target}"

@pytest.mark.requirement("TO-03")
def test_skips(cluster):
    pytest.skip("not today")

@pytest.mark.requirement("TO-04")
def test_needs_more():
    raise AssertionError("must not run")

@pytest.mark.requirement("TO-05")
def test_is_of_another_level():
    raise AssertionError("must not run")
"""
EXPECTED = {
    "test_passes": "passed",
    "test_cannot_tell": "unknown",
    "test_fails[east->west]": "failed",
    "test_fails[west->east]": "failed",
    "test_skips[east]": "skipped",
    "test_skips[west]": "skipped",
    "test_needs_more": "not-run",
}


def test_each_outcome_has_its_verdict(project: Project) -> None:
    project.check(ALL_KINDS)
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert project.results() == EXPECTED
    assert project.log == ["prepare", "up", "install", "down"] or project.log[0] == "up"
    assert not project.leftovers
    run.stdout.fnmatch_lines(
        [
            "*meshproof: pair on toy, mesh toy*",
            "*install toy: *s",
            "*pair: requirements by area*",
            "unknown TO-01 Title of TO-01: suites/test_it.py::test_cannot_tell: *no route to host",
            "failed TO-02 Title of TO-02: *::test_fails[[]east->west[]]: east is not west",
            "*evidence: */reports/evidence/*",
            "*left open*TO-01 unknown, TO-03 skipped, TO-04 not-run*",
            "*conformance: */reports/conformance.yaml",
        ]
    )


def test_two_workers_give_the_same_verdicts_one_report_and_one_take_down(project: Project) -> None:
    project.check(ALL_KINDS)
    run = project.run_apart("-n2")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert project.results() == EXPECTED
    assert sorted(project.log) == ["down", "install", "prepare", "up"]
    assert project.log[-1] == "down"
    assert not project.leftovers
    assert list((project.path / "tmp").iterdir()) == []


def test_what_a_check_says_is_kept(project: Project) -> None:
    project.check(ALL_KINDS)
    project.run("-k", "test_fails")
    result = project.record()["results"][0]
    assert (result["notes"], result["waited"]) == (["n=400"], 1.5)
    assert result["observations"] == [
        {"source": "east", "target": "west", "hop": "gateway", "count": 3}
    ]
    assert (project.path / "reports" / result["evidence"] / "index.md").is_file()


def test_success_is_exit_code_0(project: Project) -> None:
    project.check(ALL_KINDS)
    assert project.run("-k", "test_passes").ret == pytest.ExitCode.OK


@pytest.mark.parametrize("name", ["test_cannot_tell", "test_skips", "test_needs_more"])
def test_what_is_left_open_is_not_success(project: Project, name: str) -> None:
    project.check(ALL_KINDS)
    assert project.run("-k", name).ret == pytest.ExitCode.TESTS_FAILED


def test_a_mesh_is_not_blamed_for_a_lab_that_broke(project: Project) -> None:
    project.check(ALL_KINDS)
    (project.path / "incidents").write_text("the node agent exited 70")
    project.run()
    one = "test_fails[east->west]"
    assert project.results() == EXPECTED | dict.fromkeys((one, "test_fails[west->east]"), "unknown")
    broke = "the lab itself broke (pair: the node agent exited 70); seen: east is not west"
    assert project.reasons()[one].startswith(broke)


def test_checks_of_sidecars_are_not_run_where_there_are_none(project: Project) -> None:
    path = project.path / "topologies/pair.yaml"
    path.write_text(path.read_text() + "data_plane: ambient\n")
    project.check(ALL_KINDS)
    project.run()
    one = "test_fails[east->west]"
    assert project.results()[one] == "not-run"
    assert project.reasons()[one].startswith("its checks look at sidecars")


def test_a_wider_level_runs_more(project: Project) -> None:
    project.check(ALL_KINDS)
    project.run("--level=extended", "-k", "another_level")
    assert project.results() == {"test_is_of_another_level": "failed"}


def test_one_cluster_makes_pairs_not_applicable(project: Project) -> None:
    project.check(ALL_KINDS)
    project.run(topology="single")
    assert project.results()["test_fails[no-other-cluster]"] == "not-applicable"


def test_a_failed_precondition_leaves_what_rests_on_it_unrun(project: Project) -> None:
    project.check(
        """
@pytest.mark.requirement("NM-04")
def test_gateways_are_used(lab):
    raise AssertionError("must not run")

@pytest.mark.requirement("NM-03")
def test_networks_are_apart(lab):
    raise AssertionError("a pod answered")

@pytest.mark.requirement("TO-01")
def test_something_else(lab):
    pass
"""
    )
    project.run()
    assert project.results() == {
        "test_networks_are_apart": "failed",
        "test_gateways_are_used": "not-run",
        "test_something_else": "passed",
    }
    assert project.reasons()["test_gateways_are_used"] == "precondition NM-03 failed"


def test_an_outage_of_another_length_is_noted(project: Project) -> None:
    project.check(
        """
@pytest.mark.requirement("TO-01")
def test_outage(outage):
    assert outage == 20
"""
    )
    project.run("--outage=20")
    result = project.record()["results"][0]
    assert result["notes"] == ["outage of 20 s instead of 300 s (--outage)"]


def test_a_repeat_that_passes_is_flaky(project: Project) -> None:
    project.check(
        """
@pytest.mark.requirement("TO-01")
def test_shaky(lab):
    assert os.path.exists("seen") or open("seen", "w").close()
"""
    )
    project.pytester.makeconftest(
        (project.path / "conftest.py").read_text()
        + """

def pytest_runtest_protocol(item, nextitem):
    from _pytest.runner import runtestprotocol
    runtestprotocol(item, nextitem=None)
    item._initrequest()
    runtestprotocol(item, nextitem=nextitem)
    return True
"""
    )
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.results() == {"test_shaky": "flaky"}


def test_without_a_topology_the_suites_are_left_out(project: Project) -> None:
    project.check(ALL_KINDS)
    run = project.pytester.runpytest_inprocess("suites", "-rs")
    run.assert_outcomes(skipped=6)
    run.stdout.fnmatch_lines(["*needs a lab; choose one with --topology NAME*"])
    assert not (project.path / "reports").exists()


def test_an_ordinary_test_is_left_alone(project: Project) -> None:
    project.check("def test_sum():\n    assert 1 + 1 == 2\n", "tests/test_sum.py")
    run = project.run("tests")
    run.assert_outcomes(passed=1)
    assert project.log == []


def test_what_is_late_by_the_clock_of_pytest_is_unknown(project: Project) -> None:
    project.check(
        """
import threading

@pytest.mark.timeout(0.2)
@pytest.mark.requirement("TO-01")
def test_slow():
    threading.Event().wait(5)
"""
    )
    project.run()
    assert project.results() == {"test_slow": "unknown"}


def test_machinery_that_is_late_is_unknown(project: Project) -> None:
    project.check(
        """
from harness.converge import Budget, eventually

@pytest.mark.requirement("TO-01")
def test_pods():
    eventually(lambda: 0, bool, what="pods are ready", budget=Budget(0.01, 0.01, firm=True))
"""
    )
    project.run()
    assert project.results() == {"test_pods": "unknown"}
