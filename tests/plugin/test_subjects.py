"""A check is repeated for the pairs, clusters, networks … that its requirements are about."""

import pytest

from tests.plugin.conftest import Project

CHECKS = """
@pytest.mark.requirement("SU-01")
def test_across(source, target):
    assert source.network != target.network

@pytest.mark.requirement("SU-02")
def test_beside(source, target):
    assert source.network == target.network

@pytest.mark.requirement("SU-01", "SU-02")
def test_either(source, target):
    pass

@pytest.mark.requirement("SU-01")
def test_across_from_all(sources, target):
    assert target.network not in {source.network for source in sources}

@pytest.mark.requirement("SU-01")
def test_across_to_all(source, targets):
    assert source.network not in {target.network for target in targets}

@pytest.mark.requirement("SU-03")
def test_gateways(cluster):
    pass

@pytest.mark.requirement("SU-04")
def test_machines(machine):
    assert machine.network == "racks"

@pytest.mark.requirement("SU-05")
def test_planes(control_plane):
    assert control_plane.serves == ("east", "near")

@pytest.mark.requirement("SU-06")
def test_networks(network):
    pass
"""
TRIANGLE = """\
name: triangle
title: Two clusters on one network, a third on another, a machine on a third network
networks: [{name: blue}, {name: green}, {name: racks}]
clusters:
  - {name: east, network: blue}
  - {name: near, network: blue, role: remote, primary: east}
  - {name: west, network: green}
machines:
  - {name: rack, network: racks, cluster: west}
"""
ENTRY = """
  - id: {id}
    area: subjects
    level: core
    title: Title
    must: It MUST hold.
    check: Look at it.
    sabotage: [{{name: none-yet, change: Break it}}]
    {about}
"""
ABOUT = {
    "SU-01": "pairs: other-network",
    "SU-02": "pairs: same-network",
    "SU-03": "clusters: gateway",
    "SU-04": "machines: own-network",
    "SU-05": "control_planes: serves-others",
    "SU-06": "networks: gateway",
}


@pytest.fixture
def subjects(project: Project) -> Project:
    path = project.path / "suites/requirements.yaml"
    entries = "".join(ENTRY.format(id=name, about=about) for name, about in ABOUT.items())
    path.write_text(path.read_text() + entries)
    project.check(CHECKS)
    (project.path / "triangle.yaml").write_text(TRIANGLE)
    return project


def test_each_check_is_asked_of_what_it_is_about(subjects: Project) -> None:
    run = subjects.run("-n0", topology="./triangle.yaml")
    assert run.ret == pytest.ExitCode.OK
    across = {"east->west", "near->west", "west->east", "west->near"}
    beside = {"east->near", "near->east"}
    asked: dict[str, set[str]] = {}
    for result in subjects.record()["results"]:
        name, _, row = result["check"].partition("::")[2].rstrip("]").partition("[")
        if result["verdict"] != "not-applicable":
            asked.setdefault(name, set()).add(row)
    assert asked == {
        "test_across": across,
        "test_beside": beside,
        "test_across_from_all": {"all->west", "all->east", "all->near"},
        "test_across_to_all": {"west->all", "east->all", "near->all"},
        "test_either": across | beside,
        "test_gateways": {"east", "near", "west"},
        "test_machines": {"rack"},
        "test_planes": {"east"},
        "test_networks": {"blue", "green"},
    }


def test_a_requirement_counts_the_pairs_that_it_is_about_only(subjects: Project) -> None:
    subjects.run("-k", "test_either", topology="./triangle.yaml")
    verdicts = {
        (each["requirement"], each["check"].partition("[")[2].rstrip("]")): each["verdict"]
        for each in subjects.record()["results"]
        if "test_either" in each["check"]
    }
    assert verdicts["SU-01", "east->west"] == "passed"
    assert verdicts["SU-01", "east->near"] == "not-applicable"
    assert verdicts["SU-02", "east->near"] == "passed"
    (topology,) = subjects.report()["topologies"]
    judged = {each["id"]: each["verdict"] for each in topology["requirements"]}
    assert (judged["SU-01"], judged["SU-02"]) == ("not-run", "not-run")  # others not selected


FROM_ALL = """
from contextlib import contextmanager

@contextmanager
def none_yet(scene):
    os.environ["TOY_STATE"] = f"{scene.client.name}->{scene.server.name}"
    yield
    del os.environ["TOY_STATE"]

@pytest.mark.requirement("SU-01", "SU-02")
@pytest.mark.sabotage.with_args(none_yet)
def test_from_all(sources, target):
    assert "TOY_STATE" not in os.environ, f"broken: {os.environ['TOY_STATE']}"
"""


def test_what_looks_from_all_sources_is_proved_for_each_kind_of_pair(
    subjects: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_STATE", "")
    monkeypatch.delenv("TOY_STATE")
    subjects.check(FROM_ALL)
    subjects.run("-n0", "--prove", "--prove-window=0.3", topology="./triangle.yaml")
    reasons = {
        (each["check"].partition("[")[2].rstrip("]"), proof["reason"].rpartition(" ")[2])
        for each in subjects.record()["results"]
        for proof in each["proofs"]
        if proof["fate"] == "killed"
    }
    # One target has sources of both kinds, and one has sources of another network only.
    assert reasons == {
        ("all->near", "east->near"),
        ("all->near", "west->near"),
        ("all->west", "east->west"),
    }


def test_what_has_no_subject_is_not_applicable_and_never_passed(subjects: Project) -> None:
    run = subjects.run(topology="pair")
    assert run.ret == pytest.ExitCode.OK
    found = subjects.results()
    assert found["test_beside[no-other-cluster]"] == "not-applicable"
    assert found["test_machines[no-machine]"] == "not-applicable"
    assert found["test_planes[no-such-control-plane]"] == "not-applicable"
    assert found["test_across[east->west]"] == "passed"
