"""What a vendor's plugin may add, and that its mistakes cost nothing but its own part."""

import pytest

from tests.plugin.conftest import Project

CHECK = """
@pytest.mark.requirement("TO-01")
def test_it(lab):
    assert not lab
"""
HOOKS = """

class Plain:
    name = "plain"

    def write(self, record, directory):
        path = directory / "plain.txt"
        path.write_text(record.results[0].verdict)
        return path


def pytest_mesh_report_writers():
    return [Plain()]


def pytest_mesh_collect_evidence(lab, directory):
    (directory / "vendor.txt").write_text(lab.id)
"""


def extended(project: Project, hooks: str) -> None:
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + hooks)
    project.check(CHECK)


def test_a_writer_of_a_vendor_gets_the_record(project: Project) -> None:
    extended(project, HOOKS)
    project.run().stdout.fnmatch_lines(["*plain: */reports/plain.txt"])
    assert (project.path / "reports/plain.txt").read_text() == "failed"


def test_a_vendor_adds_evidence(project: Project) -> None:
    extended(project, HOOKS)
    project.run()
    evidence = project.record()["results"][0]["evidence"]
    assert (project.path / "reports" / evidence / "vendor.txt").read_text().startswith("paper-")


@pytest.mark.parametrize(
    ("old", "expected"),
    [
        ("path.write_text(record", "*plain: not written: ZeroDivisionError*"),
        ("(directory /", "*failed TO-01*"),
        ("return [Plain()]", "*trouble with reports: ZeroDivisionError*"),
    ],
)
def test_a_broken_hook_hides_nothing(project: Project, old: str, expected: str) -> None:
    extended(project, HOOKS.replace(old, f"1 / 0; {old}"))
    run = project.run()
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines([expected])
    assert project.results() == {"test_it": "failed"}


def test_a_check_says_that_a_vendor_s_evidence_is_missing(project: Project) -> None:
    extended(project, HOOKS.replace("(directory /", "1 / 0; (directory /"))
    project.run()
    failed = project.record()["results"][0]
    told = "a plugin could not collect evidence: ZeroDivisionError: division by zero"
    assert failed["notes"] == [told]
    evidence = project.path / "reports" / failed["evidence"]
    assert (evidence / "plugin-error.txt").read_text() == f"{told}\n"
