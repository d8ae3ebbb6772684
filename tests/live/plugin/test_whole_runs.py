"""Whole runs of pytest on real labs, ended where nobody planned it."""

import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import files, shell
from harness.converge import Budget, eventually
from harness.providers.embedded.provider import EmbeddedProvider
from harness.providers.fabric import state
from harness.providers.fabric.state import STATE_VARIABLE
from harness.shell import Running
from tests.live.trouble import descendants, gone, surroundings

TEMPLATE = Path(__file__).parents[2] / "plugin/project"
HANGS = """
import threading
import pytest

@pytest.mark.requirement("TO-01")
def test_hangs(sites):
    threading.Event().wait()
"""
LOSES_ITS_API_SERVER = """
import pytest

@pytest.mark.requirement("TO-01")
def test_asks_a_dead_api_server(lab, sites, provider):
    with provider.api_killed(lab, cluster="east"):
        sites[0].kube.list("Pod")

@pytest.mark.requirement("TO-03")
def test_asks_a_living_one(sites):
    assert sites[0].kube.list("Namespace")
"""
COUNTS = """
import pytest

@pytest.mark.requirement("TO-01")
def test_every_cluster_answers(topology, sites):
    assert len(sites) == len(topology.clusters)
    assert all(site.kube.list("Namespace") for site in sites)
"""
HANGS_ON_THE_LAST = """
import threading
import pytest

@pytest.mark.requirement("TO-01")
def test_hangs(topology, sites):
    if topology.name == "single":
        threading.Event().wait()

@pytest.mark.requirement("TO-03")
def test_beside(sites):
    print("somebody is there")
"""
#: What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
HEARS_CTRL_C = ("env", "--default-signal=INT")
WORKERS = pytest.mark.parametrize("workers", [(), ("-n2",)], ids=["alone", "two-workers"])


class Run:
    """A run of pytest as a process, in a project and with labs of its own."""

    def __init__(self, project: Path, labs: Path) -> None:
        self.project = project
        self.labs = labs
        self.running: Running | None = None

    def start(self, checks: str, mesh: str, *more: str, topology: str = "single") -> Running:
        (self.project / "suites/test_it.py").write_text(checks)
        options = [f"--topology={topology}", "--provider=embedded", f"--mesh={mesh}", "-s", *more]
        self.running = shell.start(
            "pytest",
            [*HEARS_CTRL_C, sys.executable, "-m", "pytest", *options],
            output=self.project / "output",
            env={**os.environ, STATE_VARIABLE: str(self.labs), "TMPDIR": str(self.project)},
            cwd=self.project,
        )
        return self.running

    def said(self, line: str) -> None:
        output = self.project / "output"
        eventually(
            output.read_text,
            lambda text: line in text,
            what=f"pytest says {line!r}",
            budget=Budget(timeout=90, interval=0.02),
        )

    def record(self) -> Any:
        return files.read(self.project / "reports/record.json").data


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    if missing := EmbeddedProvider().lacks():
        pytest.skip("; ".join(missing))
    labs = Path("/tmp") / f"mp-{os.getpid()}"  # sockets want short paths
    labs.mkdir(mode=0o700)
    monkeypatch.setenv(STATE_VARIABLE, str(labs))
    project = tmp_path / "project"
    shutil.copytree(TEMPLATE, project)
    (project / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\n")
    made = Run(project, labs)
    yield made
    if made.running is not None:
        made.running.end()
    for lab in filter(None, map(state.loaded, state.present())):
        EmbeddedProvider().down(lab)
    shutil.rmtree(labs)


def press_ctrl_c(running: Running) -> None:
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(90) == pytest.ExitCode.INTERRUPTED


def kill(running: Running) -> None:
    running.signal(signal.SIGKILL)
    running.wait(10)


@pytest.mark.parametrize("end", [press_ctrl_c, kill])
@pytest.mark.parametrize(
    ("mesh", "line"),
    [("istio", "prepare istio"), ("istio", "webhooks "), ("none", "install none")],
    ids=["while-clusters-come-up", "during-installation", "in-a-check"],
)
def test_an_end_in_any_phase_leaves_nothing(
    run: Run, mesh: str, line: str, end: Callable[[Running], None]
) -> None:
    before = surroundings()
    running = run.start(HANGS, mesh)
    run.said(line)
    inside = descendants(running.pid)
    end(running)
    gone(inside)
    if end is kill:
        EmbeddedProvider().reap()  # at most a directory is left, if no supervisor was there yet
    assert not list(run.labs.iterdir())
    assert surroundings() == before
    if end is press_ctrl_c:
        assert run.record()["complete"] is False


def test_a_dead_api_server_leaves_the_question_open(run: Run) -> None:
    assert run.start(LOSES_ITS_API_SERVER, "none").wait(120) == pytest.ExitCode.TESTS_FAILED
    dead, living = run.record()["results"]
    assert (dead["verdict"], living["verdict"]) == ("unknown", "passed")
    assert "no answer" in dead["reason"]
    assert (run.project / "reports" / dead["evidence"] / "index.md").is_file()
    assert not list(run.labs.iterdir())


@WORKERS
def test_one_run_judges_every_topology_that_can_be_raised(
    run: Run, workers: tuple[str, ...]
) -> None:
    text = (run.project / "topologies/single.yaml").read_text()
    old = text.replace("name: single", "name: old")
    old = old.replace("network: blue}", "network: blue, kubernetes: 9.9.9}")
    (run.project / "topologies/old.yaml").write_text(old)
    running = run.start(COUNTS, "none", *workers, topology="all")
    assert running.wait(240) == pytest.ExitCode.OK, (run.project / "output").read_text()
    record = run.record()
    assert [lab["topology"] for lab in record["labs"]] == ["pair", "single"]
    assert [each["verdict"] for each in record["results"]] == ["passed", "passed"]
    (left_out,) = record["left_out"]
    assert left_out["topology"] == "old"
    assert "9.9.9" in left_out["reason"]
    assert not list(run.labs.iterdir())


@WORKERS
@pytest.mark.parametrize("end", [press_ctrl_c, kill])
def test_an_end_on_the_last_of_several_leaves_nothing(
    run: Run, end: Callable[[Running], None], workers: tuple[str, ...]
) -> None:
    before = surroundings()
    running = run.start(HANGS_ON_THE_LAST, "none", *workers, topology="all")
    run.said("take down pair")
    run.said("raise single on embedded: ")
    inside = descendants(running.pid)
    end(running)
    gone(inside, within=60)  # xdist gives workers 15 s to end by themselves
    if end is kill:
        EmbeddedProvider().reap()  # a worker may have looked for the lab when it was gone
    assert not list(run.labs.iterdir())
    assert surroundings() == before
