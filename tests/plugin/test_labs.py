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


def test_several_topologies_are_raised_one_after_the_other(project: Project) -> None:
    project.check(CHECKS)
    run = project.run("--topology=single")
    assert run.ret == pytest.ExitCode.OK
    assert project.results() == {
        "test_pair[pair-east->west]": "passed",
        "test_pair[pair-west->east]": "passed",
        "test_each[pair-east]": "passed",
        "test_each[pair-west]": "passed",
        "test_once[pair]": "passed",
        "test_pair[single-no-other-cluster]": "not-applicable",
        "test_each[single-east]": "passed",
        "test_once[single]": "passed",
    }
    steps = [line for line in project.log if line != "prepare"]
    assert steps == ["up", "install", "strike 2", "down", "up", "install", "strike 1", "down"]
    assert [lab["topology"] for lab in project.record()["labs"]] == ["pair", "single"]


def test_all_means_every_declared_topology(project: Project) -> None:
    project.check(CHECKS)
    project.run(topology="all")
    assert [each["name"] for each in project.report()["topologies"]] == ["pair", "single"]


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
