"""A check is proved by what it notices: clean, sabotaged, healed."""

import pytest

from harness.session import collection
from tests.plugin.conftest import Project

CHECK = """
from contextlib import contextmanager

@contextmanager
def loud(scene):
    assert (scene.client.name, scene.server.name) == ("east", "west")
    os.environ["TOY_STATE"] = "broken"
    yield
    del os.environ["TOY_STATE"]

@contextmanager
def deaf(scene):
    yield

@contextmanager
def broken(scene):
    raise OSError("the saw is blunt")
    yield

@contextmanager
def unhealable(scene):
    os.environ["TOY_STATE"] = "broken"
    yield

@pytest.mark.requirement("TO-03")
@pytest.mark.sabotage.with_args({names})
def test_it(source, target, notes):
    notes("n=1")
    assert "TOY_STATE" not in os.environ, "it is broken"
"""


@pytest.fixture(autouse=True)
def whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOY_STATE", "")
    monkeypatch.delenv("TOY_STATE")


def proved(project: Project, names: str, *options: str) -> pytest.RunResult:
    project.check(CHECK.replace("{names}", names))
    return project.run("--prove", "--prove-window=0.3", *options)


def proofs(project: Project) -> dict[str, tuple[str, str]]:
    """What became of the sabotages that were tried."""
    return {
        proof["sabotage"]: (proof["fate"], proof["reason"])
        for result in project.record()["results"]
        for proof in result["proofs"]
        if proof["fate"] != "missing"
    }


def test_a_sabotage_that_turns_the_check_red_is_killed(project: Project) -> None:
    run = proved(project, "loud")
    assert run.ret == pytest.ExitCode.OK
    fate, reason = proofs(project)["loud"]
    assert (fate, reason) == ("killed", "it is broken")
    run.stdout.fnmatch_lines(["*sabotages: 1 of 4 killed, 3 missing*"])


def test_what_nobody_has_written_is_missing_and_changes_no_verdict(project: Project) -> None:
    run = proved(project, "loud, broken, unhealable, on='same-network'")
    assert run.ret == pytest.ExitCode.OK
    missing = {"sabotage": "deaf", "fate": "missing"}
    (only,) = [proof for each in project.record()["results"] for proof in each["proofs"]]
    assert only.items() >= missing.items()
    assert project.report()["sabotages"]["missing"] == 1
    run.stdout.fnmatch_lines(["*sabotages: 0 of 1 killed, 1 missing*", "*missing: deaf of TO-03*"])
    assert "written by nobody" in (project.path / "reports/report.html").read_text()


@pytest.mark.parametrize(
    ("breaks", "fate", "reason"),
    [
        ("is broken", "killed", "it is broken: see TOY_STATE"),
        ("TOY_STATE", "spoiled", "by another claim: it is broken: see TOY_STATE"),
        ("is late", "spoiled", "by another claim: it is broken: see TOY_STATE"),
    ],
)
def test_a_sabotage_is_killed_by_its_own_claim_only(
    project: Project, breaks: str, fate: str, reason: str
) -> None:
    text = CHECK.replace("{names}", f"loud, breaks={breaks!r}")
    project.check(text.replace('"it is broken"', '"it is broken: see TOY_STATE"'))
    run = project.run("--prove", "--prove-window=0.3")
    assert proofs(project)["loud"] == (fate, reason)
    assert run.ret == (pytest.ExitCode.OK if fate == "killed" else pytest.ExitCode.TESTS_FAILED)


def test_a_wait_is_a_claim_too(project: Project) -> None:
    project.check(
        CHECK.replace("{names}", "loud, breaks='is whole'").replace(
            """    assert "TOY_STATE" not in os.environ, "it is broken"
""",
            """    from harness.converge import Budget, eventually
    fine = lambda: "TOY_STATE" not in os.environ
    eventually(fine, bool, what="it is whole: ever", budget=Budget(0.01, 0.01))
""",
        )
    )
    project.run("--prove", "--prove-window=0.3")
    assert proofs(project)["loud"][0] == "killed"


def test_only_the_first_parameter_set_is_proved(project: Project) -> None:
    proved(project, "loud")
    found = [(r["check"][-12:], bool(r["proofs"])) for r in project.record()["results"]]
    assert found == [("[east->west]", True), ("[west->east]", False)]


def test_one_parameter_set_of_each_kind_is_proved(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "kind_of", id)
    proved(project, "deaf")
    record = project.record()["results"]
    assert [[p["fate"] for p in each["proofs"]].count("survived") for each in record] == [1, 1]
    missing = [[p["fate"] for p in each["proofs"]].count("missing") for each in record]
    assert missing == [3, 0], "what is missing is missing once"


def test_what_later_runs_of_the_body_say_is_forgotten(project: Project) -> None:
    proved(project, "loud")
    assert {tuple(r["notes"]) for r in project.record()["results"]} == {("n=1",)}


@pytest.mark.parametrize(("on", "tried"), [("other-network", {"loud"}), ("same-network", set())])
def test_only_what_the_topology_can_suffer_is_tried(
    project: Project, on: str, tried: set[str]
) -> None:
    assert proved(project, f"loud, on={on!r}").ret == pytest.ExitCode.OK
    assert set(proofs(project)) == tried


def test_a_check_that_notices_nothing_is_not_believed(project: Project) -> None:
    run = proved(project, "deaf, loud")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert proofs(project)["deaf"] == ("survived", "still green after 0.3 s")
    assert proofs(project)["loud"][0] == "killed"
    assert project.results()["test_it[east->west]"] == "unknown"
    run.stdout.fnmatch_lines(
        ["*sabotage deaf survived*", "*sabotages: 1 of 4 killed, 1 survived, 2 missing*"]
    )


def test_a_sabotage_that_breaks_itself_is_spoiled(project: Project) -> None:
    assert proved(project, "broken").ret == pytest.ExitCode.TESTS_FAILED
    assert proofs(project)["broken"] == (
        "spoiled",
        "by the sabotage itself: OSError: the saw is blunt",
    )


def test_a_check_that_fails_clean_is_not_sabotaged(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_STATE", "broken")
    proved(project, "loud")
    assert set(project.results().values()) == {"failed"}
    assert proofs(project) == {}


def test_only_under_a_sabotage_is_a_promise_waited_for_less_long(project: Project) -> None:
    project.check(
        CHECK.replace("{names}", "loud").replace(
            """    assert "TOY_STATE" not in os.environ, "it is broken"
""",
            """    from harness.converge import Budget
    broken = "TOY_STATE" in os.environ
    assert Budget(60).effective().timeout == (8 if broken else 60)
    assert not broken, "it is broken"
""",
        )
    )
    project.run("--prove", "--prove-window=0.3")
    assert proofs(project)["loud"] == ("killed", "it is broken")


def test_what_a_check_did_not_ask_for_is_there_for_its_sabotages(project: Project) -> None:
    project.check(
        """
from contextlib import contextmanager

@contextmanager
def loud(scene):
    assert (scene.lab.topology.name, len(scene.sites)) == ("pair", 2)
    assert scene.fixtures["number"] == 1
    os.environ["TOY_STATE"] = "broken"
    yield
    del os.environ["TOY_STATE"]

@pytest.mark.parametrize("number", [1])
@pytest.mark.requirement("TO-03")
@pytest.mark.sabotage.with_args(loud)
def test_it(number):
    assert "TOY_STATE" not in os.environ, "it is broken"
"""
    )
    project.run("--prove", "--prove-window=0.3")
    assert proofs(project) == {"loud": ("killed", "it is broken")}


def test_machinery_that_is_late_under_a_sabotage_spoils_the_proof(project: Project) -> None:
    project.check(
        CHECK.replace("{names}", "loud").replace(
            """    assert "TOY_STATE" not in os.environ, "it is broken"
""",
            """    from harness.converge import Budget, eventually
    fine = lambda: "TOY_STATE" not in os.environ
    eventually(fine, bool, what="pods are ready", budget=Budget(0.01, 0.01, firm=True))
""",
        )
    )
    project.run("--prove", "--prove-window=0.3")
    assert {fate for fate, _ in proofs(project).values()} == {"spoiled"}
