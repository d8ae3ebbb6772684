"""The order in which a lab is undone, and what its guardian and kind are given."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import shell
from harness.artifacts.home import HOME_VARIABLE
from harness.model import MachineError, NetworkPlan
from harness.phases import Phases
from harness.providers.fabric import state
from harness.providers.fabric.state import State
from harness.providers.kind import bring_up
from harness.providers.kind.bring_up import Means
from harness.providers.kind.spec import KindSpec
from harness.providers.offline import api
from harness.providers.offline.engine.sysctls import Ledger
from harness.providers.offline.images import Images
from harness.shell import Running

from .paper_engine import begun


@pytest.fixture
def lab(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> State:
    monkeypatch.setattr(api, "Ledger", lambda: Ledger(tmp_path, tmp_path))
    return state.new().make("kind")


@pytest.fixture
def guardian(lab: State, tmp_path: Path) -> Iterator[Running]:
    """A process that holds the lab, and only sleeps."""
    running = shell.start(
        "guardian", ["sleep", "60"], output=tmp_path / "log", env=dict(os.environ)
    )
    lab.claim(running.pid)
    yield running
    running.end()


def refusing(error: BaseException) -> object:
    def clear(place: State) -> None:
        raise error

    return clear


def test_the_guardian_ends_when_nothing_is_left_and_not_before(
    lab: State, guardian: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []
    monkeypatch.setattr(bring_up, "clear", lambda place: held.append(place.alive()))
    bring_up.raze(lab)
    assert held == [True]
    assert guardian.wait(5) is not None
    assert not lab.path.exists()


def test_an_end_half_way_leaves_the_lab_to_its_guardian(
    lab: State, guardian: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_up, "clear", refusing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        bring_up.raze(lab)
    assert not lab.abandoned()


def test_what_the_engine_does_not_let_go_is_left_to_reap(
    lab: State, guardian: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bring_up, "clear", refusing(MachineError("no answer")))
    with pytest.raises(MachineError, match="no answer"):
        bring_up.raze(lab)
    assert lab.abandoned()
    assert lab.path.exists()


def test_what_kind_carries_into_nodes_goes_with_the_lab(
    place: Path, plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    unfinished = begun(plan)
    spec = KindSpec.read(unfinished)
    nodes = [node.name for cluster in plan.clusters for node in cluster.nodes]
    spec = spec.model_copy(update={"containers": {name: name for name in nodes}})
    images = {"east": Images("node", (), "helper", (), "here")}
    means = Means(spec.engine, images, tmp_path / "kind", (), Phases())
    kind = bring_up._kind(unfinished, spec, means, plan.clusters[0])
    assert Path(kind.env["TMPDIR"]).is_relative_to(unfinished.path)


def test_the_guardian_is_told_where_certificates_lie(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DOCKER_CERT_PATH", raising=False)
    monkeypatch.delenv("DOCKER_TLS_VERIFY", raising=False)
    assert "DOCKER_CERT_PATH" not in bring_up._docker_settings()
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    assert bring_up._docker_settings()["DOCKER_CERT_PATH"] == f"{tmp_path}/.docker"
    monkeypatch.setenv("DOCKER_CERT_PATH", "/certs")
    assert bring_up._docker_settings()["DOCKER_CERT_PATH"] == "/certs"
