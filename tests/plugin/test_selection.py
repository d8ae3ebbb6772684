"""What a run leaves out of a requirement that it looks at is in the report, and blocks."""

import pytest

from harness.reporting.verify import verify
from tests.plugin.conftest import Project

CHECKS = """
@pytest.mark.requirement("TO-02")
def test_pair(source, target):
    pass

@pytest.mark.requirement("TO-02")
@pytest.mark.parametrize("way", ["tcp", "grpc"])
def test_way(way):
    pass

class TestGroup:
    @pytest.mark.requirement("TO-02")
    def test_member(self):
        pass

@pytest.mark.requirement("TO-03")
def test_other():
    pass

@pytest.mark.requirement("TO-05")
def test_is_of_another_level():
    pass
"""
ALL = {
    "test_pair[east->west]",
    "test_pair[west->east]",
    "test_way[tcp]",
    "test_way[grpc]",
    "TestGroup::test_member",
}
ONE = "suites/test_it.py::test_pair[east->west]"


def selected(project: Project) -> set[str]:
    """Return what passed of TO-02, after checking that all the rest is told as not selected."""
    found = {name: each for name, each in project.results().items() if name != "test_other"}
    passed = {name for name, verdict in found.items() if verdict == "passed"}
    assert set(found) == ALL
    assert {found[name] for name in ALL - passed} <= {"not-run"}
    assert {project.reasons()[name] for name in ALL - passed} <= {"not selected"}
    if passed != ALL:
        judged = {each["id"]: each for each in project.report()["topologies"][0]["requirements"]}
        assert (judged["TO-02"]["verdict"], judged["TO-02"]["reason"]) == (
            "not-run",
            "not selected",
        )
    assert verify(project.path / "reports") == []
    return passed


@pytest.mark.parametrize(
    ("options", "passed"),
    [
        ([], ALL),
        (["--deselect", ONE], ALL - {"test_pair[east->west]"}),
        (["-k", "not grpc"], ALL - {"test_way[grpc]"}),
        ([ONE], {"test_pair[east->west]"}),
        (["suites/test_it.py::TestGroup"], {"TestGroup::test_member"}),
    ],
    ids=["all", "deselect", "k", "row", "class"],
)
@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_what_is_not_selected_is_told(
    project: Project, workers: list[str], options: list[str], passed: set[str]
) -> None:
    project.check(CHECKS)
    run = project.run_apart(*workers, *options) if workers else project.run(*options)
    assert run.ret == pytest.ExitCode.OK
    assert selected(project) == passed
    told = project.record()["options"]["selection"]
    assert bool(told) == bool(options)
    if options:
        count = len(ALL) - len(passed)
        run.stdout.fnmatch_lines([f"*not selected, so level core is blocked: TO-02 ({count})*"])


def test_the_checks_that_failed_last_are_not_all(project: Project) -> None:
    project.check(CHECKS.replace("    pass", "    assert os.path.exists('mended')", 1))
    project.check(CHECKS.replace("def test_", "def test_more_"), "suites/test_more.py")
    project.run()
    (project.path / "mended").touch()
    project.run("--lf")
    verdicts = project.results()
    assert {name for name, verdict in verdicts.items() if verdict == "passed"} == {
        "test_pair[east->west]",
        "test_pair[west->east]",
    }
    assert project.record()["options"]["selection"] == "--lf"
    assert verdicts["test_way[tcp]"] == "not-run"
    assert verdicts["test_more_pair"] == "not-run"
    assert verdicts["TestGroup::test_more_member"] == "not-run"


def test_a_file_that_is_not_run_counts(project: Project) -> None:
    project.check(CHECKS)
    project.check(
        """
pytestmark = pytest.mark.requirement("TO-02", "TO-01")

def test_elsewhere():
    pass
""",
        "suites/apart/test_apart.py",
    )
    project.run("suites/test_it.py")
    assert project.results()["test_elsewhere"] == "not-run"
    assert [each["requirement"] for each in project.record()["results"]].count("TO-01") == 0
    project.run("suites/apart")
    assert project.results()["test_pair"] == "not-run"
    assert "test_other" not in project.results()


def test_each_topology_is_looked_at_for_itself(project: Project) -> None:
    project.check(
        """
@pytest.mark.requirement("TO-01")
def test_each(cluster):
    pass

@pytest.mark.requirement("TO-01")
def test_pair(source, target):
    pass

@pytest.mark.requirement("TO-02")
def test_of_the_pair():
    pass
"""
    )
    project.run("-k", "test_each and east", topology="all")
    assert project.results() == {
        "test_each[pair-east]": "passed",
        "test_each[single-east]": "passed",
        "test_each[pair-west]": "not-run",
        "test_pair[pair-east->west]": "not-run",
        "test_pair[pair-west->east]": "not-run",
        "test_pair[single-no-other-cluster]": "not-applicable",
    }


def test_formats_agree_on_what_is_left_out(project: Project) -> None:
    project.check(CHECKS)
    project.run("--deselect", ONE)
    reports = project.path / "reports"
    assert 'message="not-run: not selected"' in (reports / "junit.xml").read_text()
    results = [path.read_text() for path in (reports / "allure-results").glob("*-result.json")]
    assert len([text for text in results if "not-run: not selected" in text]) == 1
    assert "not selected" in (reports / "report.html").read_text()


def test_the_report_names_every_option_that_selects(project: Project) -> None:
    project.check(CHECKS)
    project.run("-k", "a or test", "--ignore=suites/x", "--stepwise", "--prove-window=7", ONE)
    options = project.record()["options"]
    assert options["selection"] == f"-k 'a or test' --ignore suites/x --stepwise '{ONE}'"
    assert options["prove-window"] == "7"
