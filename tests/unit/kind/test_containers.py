"""What is removed from an engine, and what is not; what an engine's refusal turns into."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from docker import DockerClient
from docker.errors import NotFound

from harness.converge import SCALE_VARIABLE
from harness.model import MachineError
from harness.providers.fabric import state
from harness.providers.kind import containers
from harness.providers.kind.containers import NOT_RUN, ContainerShell
from harness.providers.kind.naming import LAB_LABEL
from harness.providers.kind.networks import NetworkSpec

from .paper_engine import Paper


def test_what_carries_the_label_goes_and_nothing_else(paper: Paper, client: DockerClient) -> None:
    paper.containers.add("node", {LAB_LABEL: "ab12"})
    paper.containers.add("frozen", {LAB_LABEL: "ab12"}, status="paused")
    paper.networks.add("net", {LAB_LABEL: "ab12"}, refusals=2)
    paper.containers.add("meshproof-ab12-of-a-stranger", {})
    paper.networks.add("other", {LAB_LABEL: "cd34"})
    containers.sweep(client, "ab12")
    assert [each.name for each in paper.containers.there] == ["meshproof-ab12-of-a-stranger"]
    assert [each.name for each in paper.networks.there] == ["other"]


def test_what_cannot_be_removed_is_said(
    paper: Paper, client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SCALE_VARIABLE, "0.001")
    paper.networks.add("net", {LAB_LABEL: "ab12"}, refusals=10**6)
    with pytest.raises(MachineError, match=r"nothing is left of lab ab12.*net"):
        containers.sweep(client, "ab12")


def test_a_container_of_a_stranger_is_not_ours(paper: Paper, client: DockerClient) -> None:
    paper.containers.add("one", {LAB_LABEL: "ab12"})
    paper.containers.add("two", {})
    assert containers.owned(client, "one", "ab12")
    assert not containers.owned(client, "one", "cd34")
    assert not containers.owned(client, "two", "ab12")
    assert not containers.owned(client, "absent", "ab12")


def test_only_labs_of_this_place_that_nobody_holds_are_left_over(
    paper: Paper, client: DockerClient, place: Path
) -> None:
    held = state.new().make("kind")  # this process is making it
    paper.containers.add("held", containers.labels(held))
    gone = state.new().make("kind")
    gone.remove()
    paper.networks.add("gone", containers.labels(gone))
    elsewhere = containers.labels(gone)["meshproof.state"].replace(
        f":{place}/", ":/somewhere/else/"
    )
    paper.containers.add("theirs", {LAB_LABEL: "ef56", "meshproof.state": elsewhere})
    paper.containers.add("remote", {LAB_LABEL: "ef57", "meshproof.state": f"far:{place}/ef57"})
    assert containers.leftovers(client, state.base()) == {gone.id}


def test_another_place_of_the_same_path_is_not_this_one(
    paper: Paper, client: DockerClient, place: Path
) -> None:
    """As of two containers that share a name and an engine, each with a ``/tmp`` of its own."""
    paper.containers.add("theirs", containers.labels(state.new().make("kind")))
    place.rename(aside := place.with_name(f"{place.name}-aside"))
    try:
        assert containers.leftovers(client, state.base()) == set()
    finally:
        shutil.rmtree(aside)


def test_a_range_that_is_taken_is_explained(paper: Paper, client: DockerClient) -> None:
    paper.networks.trouble = "Pool overlaps with other one on this address space"
    spec = NetworkSpec("net", "10.77.1.0/24", "mp-ab12-1", "10.77.1.1")
    with pytest.raises(MachineError, match=r"Pool overlaps .* run it again"):
        containers.make_network(client, spec, {})


@dataclass
class Api:
    """Runs what it is told to run on paper."""

    code: int = 0
    trouble: Exception | None = None
    asked: list[list[str]] = field(default_factory=list)

    def exec_create(self, container: str, command: list[str], **_: Any) -> dict[str, str]:
        if self.trouble:
            raise self.trouble
        self.asked.append(command)
        return {"Id": "1"}

    def exec_start(self, _: str, *, demux: bool) -> tuple[bytes | None, bytes | None]:
        assert demux
        return b"out", None

    def exec_inspect(self, _: str) -> dict[str, int]:
        return {"ExitCode": self.code}


def shell(api: Api) -> ContainerShell:
    return ContainerShell(cast("DockerClient", type("Client", (), {"api": api})()), "node")


def test_a_program_in_a_container_has_its_time_and_its_exit_code() -> None:
    api = Api(code=3)
    outcome = shell(api).run(["ip", "route"], timeout=5)
    assert (outcome.exit_code, outcome.stdout, outcome.stderr) == (3, "out", "")
    assert api.asked == [["timeout", "--kill-after=2", "5", "ip", "route"]]


def test_input_is_passed_as_it_is() -> None:
    api = Api()
    shell(api).run(["cat"], stdin="a 'b' $c\n")
    assert api.asked[0][3] == "a 'b' $c\n"


def test_what_an_engine_does_not_run_is_an_outcome() -> None:
    outcome = shell(Api(trouble=NotFound("no such container"))).run(["true"])
    assert outcome.exit_code == NOT_RUN
    assert "no such container" in outcome.stderr
