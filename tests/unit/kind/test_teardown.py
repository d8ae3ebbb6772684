"""What is still at work on a lab is found by its mark; an engine's silence is not an end."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from harness import shell
from harness.converge import Budget, eventually
from harness.model import MachineError, NetworkPlan
from harness.providers.fabric import state
from harness.providers.kind import containers, egress, teardown
from harness.providers.kind.naming import LAB_VARIABLE, Names
from harness.providers.offline import engine

from .paper_engine import Paper, begun

SOON = Budget(timeout=10, interval=0.01)


@pytest.fixture
def answering(client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine on paper is the one that is found."""

    class Found:
        def client(self) -> DockerClient:
            return client

    monkeypatch.setattr(engine, "find", Found)


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda: None)


def test_those_who_make_a_lab_are_ended_and_nobody_else(tmp_path: Path) -> None:
    env = dict(os.environ)
    grandparent = ["sh", "-c", "sleep 60 & wait"]
    mine = shell.start(
        "mine", grandparent, output=tmp_path / "log", env={**env, LAB_VARIABLE: "ab12"}
    )
    other = shell.start(
        "other", ["sleep", "60"], output=tmp_path / "log", env={**env, LAB_VARIABLE: "ab123"}
    )
    try:
        found = eventually(
            lambda: set(teardown.makers("ab12")),
            lambda seen: len(seen) == 2,
            what="both",
            budget=SOON,
        )
        assert mine.pid in found
        teardown.end_makers("ab12")
        assert mine.wait(5) == -signal.SIGKILL
        eventually(
            lambda: list(teardown.makers("ab12")), lambda left: not left, what="gone", budget=SOON
        )
        assert other.exit_code() is None
    finally:
        other.end()


def test_an_engine_that_does_not_answer_may_still_have_the_lab(
    place: Path, plan: NetworkPlan
) -> None:
    with pytest.raises(MachineError, match="does not answer; meshproof reap, once"):
        teardown.clear(begun(plan))


def test_an_engine_of_our_own_that_is_gone_has_nothing_left(
    place: Path, plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[str] = []
    monkeypatch.setattr(teardown, "_clear", lambda spec, **_: swept.append(spec.lab))
    teardown.clear(begun(plan, pid=1))
    assert not swept


def test_reap_says_what_it_cannot_remove_and_goes_on(
    place: Path, plan: NetworkPlan, silent: None, capsys: pytest.CaptureFixture[str]
) -> None:
    labs = [begun(plan), begun(plan, pid=1)]
    assert teardown.reap() == [labs[1].id]
    assert labs[0].path.exists()
    assert labs[0].id in capsys.readouterr().err


def test_two_never_clear_one_lab_at_once(
    place: Path, plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab = begun(plan)
    inside, leave = threading.Semaphore(0), threading.Event()

    def clearing(*_: Any, **__: Any) -> None:
        inside.release()
        leave.wait(10)

    monkeypatch.setattr(teardown, "_answers", lambda _: True)
    monkeypatch.setattr(teardown, "_clear", clearing)
    with ThreadPoolExecutor() as pool:
        both = [pool.submit(teardown.clear, lab) for _ in range(2)]
        assert inside.acquire(timeout=10)
        assert not inside.acquire(timeout=0.3)
        leave.set()
        assert inside.acquire(timeout=10)
    assert [each.result() for each in both] == [None, None]
    assert {path.name for path in lab.path.iterdir()} <= {
        "kubeconfigs",
        "logs",
        "maker",
        "provider",
        "spec.json",
        "supervisor",
    }


@pytest.mark.usefixtures("answering")
def test_a_lab_whose_files_are_gone_takes_its_rule_along(
    paper: Paper, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopened: list[tuple[Names, str]] = []
    monkeypatch.setattr(egress, "reopen", lambda _, names, helper: reopened.append((names, helper)))
    gone = state.new().make("kind")
    marks = containers.labels(gone)
    gone.remove()
    paper.containers.add("node", marks)
    paper.networks.add("net", {**marks, egress.HELPER_LABEL: "helper:1"})
    assert teardown.reap() == [gone.id]
    assert reopened == [(Names(gone.id), "helper:1")]
    assert not paper.containers.there


@pytest.mark.usefixtures("answering")
def test_a_rule_that_stays_is_said(
    paper: Paper,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refused(*_: Any) -> None:
        raise MachineError("the lab's way out cannot be closed or reopened")

    monkeypatch.setattr(egress, "reopen", refused)
    gone = state.new().make("kind")
    paper.networks.add("net", {**containers.labels(gone), egress.HELPER_LABEL: "helper:1"})
    gone.remove()
    assert teardown.reap() == []
    assert "cannot be closed or reopened" in capsys.readouterr().err
