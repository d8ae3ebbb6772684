"""Which lab a check gets: one at a time, kept and found again if asked for."""

import pytest

from harness.converge import Budget
from tests.plugin.conftest import Project

CHECKS = """
@pytest.fixture(scope="session")
def cast(sites):
    yield sites
    with open("log", "a") as log:
        log.write(f"strike {len(sites)}\\n")

@pytest.mark.requirement("TO-02")
def test_pair(source, target):
    pass

@pytest.mark.requirement("TO-01")
def test_each(cluster, cast):
    pass

@pytest.mark.requirement("TO-03")
def test_once():
    pass
"""
LAB = """
@pytest.mark.requirement("TO-01")
def test_it(lab):
    with open("lab", "a") as file:
        file.write(lab.id + "\\n")
"""


SEVERAL = {
    "test_pair[pair-east->west]": "passed",
    "test_pair[pair-west->east]": "passed",
    "test_each[pair-east]": "passed",
    "test_each[pair-west]": "passed",
    "test_once[pair]": "passed",
    "test_pair[single-no-other-cluster]": "not-applicable",
    "test_each[single-east]": "passed",
    "test_once[single]": "passed",
}


def test_several_topologies_are_raised_one_after_the_other(project: Project) -> None:
    project.check(CHECKS)
    run = project.run("--topology=single")
    assert run.ret == pytest.ExitCode.OK
    assert project.results() == SEVERAL
    steps = [line for line in project.log if line != "prepare"]
    assert steps == ["up", "install", "strike 2", "down", "up", "install", "strike 1", "down"]
    assert [lab["topology"] for lab in project.record()["labs"]] == ["pair", "single"]


def test_two_workers_share_one_lab_after_the_other(project: Project) -> None:
    project.check(CHECKS)
    run = project.run_apart("-n2", "--topology=single")
    assert run.ret == pytest.ExitCode.OK
    assert project.results() == SEVERAL
    steps = [line for line in project.log if line in ("up", "install", "down")]
    assert steps == ["up", "install", "down"] * 2
    assert [lab["topology"] for lab in project.record()["labs"]] == ["pair", "single"]
    assert not project.leftovers


def test_no_worker_is_on_a_lab_that_is_taken_down(project: Project) -> None:
    project.check(
        """
import time
from pathlib import Path

@pytest.fixture(scope="session")
def cast(lab):
    yield Path(lab.state_dir)
    time.sleep(0.1)
    assert Path(lab.state_dir).is_dir()

@pytest.mark.parametrize("n", range(12))
@pytest.mark.requirement("TO-01")
def test_it(n, cast, topology, lab):
    time.sleep(0.02 * (n % 3))
    assert lab.topology.name == topology.name
    assert cast.is_dir()
"""
    )
    run = project.run_apart("-n2", topology="all")
    run.assert_outcomes(passed=24)
    assert (project.log.count("up"), project.log.count("down")) == (2, 2)


def test_a_worker_that_dies_costs_the_other_topology_nothing(project: Project) -> None:
    project.check(
        """
@pytest.mark.parametrize("n", range(6))
@pytest.mark.requirement("TO-01")
def test_it(n, lab, topology):
    if topology.name == "pair" and n == 3:
        os.kill(os.getpid(), 9)
"""
    )
    run = project.run_apart("-n2", topology="all")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    verdicts = project.results()
    assert [name for name, each in verdicts.items() if each != "passed"] == ["test_it[pair-3]"]
    assert len(verdicts) == 12
    assert not project.leftovers


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_a_lab_that_cannot_be_raised_costs_only_its_own_checks(
    project: Project, options: list[str]
) -> None:
    project.check(LAB)
    hooks = """

raised = ToyProvider.up

def up(self, topology, *more):
    if topology.name == "pair":
        raise OSError("no room for two")
    return raised(self, topology, *more)

ToyProvider.up = up
"""
    conftest = project.path / "conftest.py"
    conftest.write_text(conftest.read_text() + hooks)
    run = project.run_apart(*options, topology="all")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert project.results() == {"test_it[pair]": "unknown", "test_it[single]": "passed"}
    assert project.reasons()["test_it[pair]"] == "no lab: OSError: no room for two"
    assert not project.leftovers


def test_all_means_every_declared_topology(project: Project) -> None:
    project.check(CHECKS)
    project.run(topology="all")
    assert [each["name"] for each in project.report()["topologies"]] == ["pair", "single"]


@pytest.fixture
def odd(project: Project) -> Project:
    """Put a topology beside those of the guides."""
    path = project.path / "topologies/field/odd.yaml"
    path.parent.mkdir()
    text = (project.path / "topologies/single.yaml").read_text()
    path.write_text(text.replace("name: single", "name: odd"))
    project.check(LAB)
    return project


@pytest.mark.parametrize(
    ("asked", "raised"),
    [
        ("all", ["pair", "single"]),
        ("field", ["odd"]),
        ("topologies/field", ["odd"]),
        ("topologies/", ["pair", "single"]),
    ],
)
def test_a_group_of_topologies(odd: Project, asked: str, raised: list[str]) -> None:
    assert odd.run(topology=asked).ret == pytest.ExitCode.OK
    assert [each["name"] for each in odd.report()["topologies"]] == raised


def test_a_topology_may_be_a_path(project: Project) -> None:
    project.check(LAB)
    path = project.path / "elsewhere" / "pair.yaml"
    path.parent.mkdir()
    (project.path / "topologies/pair.yaml").rename(path)
    assert project.run(topology=str(path)).ret == pytest.ExitCode.OK


def test_a_kept_lab_is_used_again_while_it_stands(project: Project) -> None:
    project.check(LAB)
    run = project.run("--keep", "--reuse")
    run.stdout.fnmatch_lines(
        [
            "*no kept lab of pair to reuse*",
            "*lab paper-* is kept*",
            "*east: *kubeconfig*",
            "*use it again: pytest --topology pair*--reuse*",
        ]
    )
    project.run("--reuse").stdout.fnmatch_lines(["*reusing lab paper-*"])
    labs = (project.path / "lab").read_text().split()
    assert labs[0] == labs[1]
    assert project.log.count("up") == 1
    assert project.log.count("down") == 0
    assert len(project.leftovers) == 1


def test_another_mesh_is_not_reused(project: Project) -> None:
    project.check(LAB)
    project.run("--keep")
    project.run("--reuse", "--mesh-version=1.3").stdout.fnmatch_lines(["*no kept lab of pair*"])
    assert project.log.count("up") == 2


def test_another_kubernetes_is_not_reused(project: Project) -> None:
    project.check(LAB)
    project.run("--keep")
    told = project.run("--reuse", "--kubernetes-version=1.36.3")
    told.stdout.fnmatch_lines(["*no kept lab of pair*"])
    assert project.log.count("up") == 2


@pytest.mark.parametrize("workers", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_every_wait_is_stretched_for_the_run_only(project: Project, workers: list[str]) -> None:
    project.check(
        """
from harness.converge import Budget

@pytest.mark.requirement("TO-01")
def test_it():
    assert Budget(10).effective().timeout == 25
"""
    )
    run = project.run_apart if workers else project.run
    assert run("--budget-scale=2.5", *workers).ret == pytest.ExitCode.OK
    assert Budget(10).effective().timeout == 10


def test_nobody_raises_what_nobody_asks_for(project: Project) -> None:
    project.check(
        """
@pytest.mark.requirement("TO-04")
def test_cannot_run(lab):
    pass
"""
    )
    project.run()
    assert project.log == []


def test_checks_that_disturb_come_last_and_run_alone(project: Project) -> None:
    project.check(
        """
import time

def claim(exclusive):
    mine = f"busy-{os.getpid()}"
    others = [name for name in os.listdir() if name.startswith("busy-")]
    open(mine, "w").close()
    time.sleep(0.05)
    others += [name for name in os.listdir() if name.startswith("busy-") and name != mine]
    os.unlink(mine)
    assert not (exclusive and others), others
    assert not os.path.exists("alone")

@pytest.mark.disturbs
@pytest.mark.parametrize("n", range(4))
@pytest.mark.requirement("TO-01")
def test_alone(n, lab):
    open("alone", "w").close()
    try:
        time.sleep(0.05)
        assert not [name for name in os.listdir() if name.startswith("busy-")]
    finally:
        os.unlink("alone")

@pytest.mark.parametrize("n", range(8))
@pytest.mark.requirement("TO-01")
def test_beside(n, lab):
    claim(False)
"""
    )
    run = project.run_apart("-n2")
    run.assert_outcomes(passed=12)


def test_the_first_check_on_a_lab_to_reuse_takes_its_turn(project: Project) -> None:
    project.check(
        """
import fcntl
from pathlib import Path

@pytest.mark.disturbs
@pytest.mark.requirement("TO-01")
def test_it(lab):
    if not os.path.exists("again"):
        return
    with (Path(lab.state_dir) / "turns/room").open("a") as room, pytest.raises(BlockingIOError):
        fcntl.flock(room, fcntl.LOCK_SH | fcntl.LOCK_NB)
"""
    )
    project.run("--keep")
    (project.path / "again").touch()
    assert project.run("--reuse").ret == pytest.ExitCode.OK


def test_each_topology_has_a_line_and_what_is_broken_has_one(project: Project) -> None:
    project.check(LAB.replace("def test_it(lab):", "def test_it(lab, topology):"))
    assert "no promise was broken on any topology" in project.run(topology="all").outlines
    project.check(
        LAB.replace(
            "def test_it(lab):", "def test_it(lab, topology):\n    assert len(lab.clusters) > 1"
        )
    )
    run = project.run(topology="all")
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    run.stdout.fnmatch_lines(
        [
            "requirements by topology",
            "  pair    1 passed",
            "  single  1 failed",
            "broken: single: TO-01",
        ]
    )
    names = sorted(path.name for path in (project.path / "reports/junit").iterdir())
    assert names == ["pair.xml", "single.xml"]


def test_one_topology_has_a_line_for_each_area_and_no_file_of_its_own(project: Project) -> None:
    project.check(LAB)
    project.run(topology="all")
    project.run().stdout.fnmatch_lines(["pair: requirements by area", "  toys * 1 passed"])
    assert list((project.path / "reports/junit").iterdir()) == []
