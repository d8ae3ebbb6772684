"""Whatever is wrong with files and options is told at once, before anything is started."""

import time

import pytest

from harness.reporting.verify import verify
from tests.plugin.conftest import Project

CHECK = """
@pytest.mark.requirement("TO-01")
def test_it(lab):
    pass
"""


def refused(project: Project, *options: str, topology: str = "pair") -> str:
    began = time.monotonic()
    run = project.run(*options, topology=topology)
    assert time.monotonic() - began < 1
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert project.log == []
    assert not (project.path / "reports").exists()
    return "\n".join(line for line in run.errlines if line.strip())


def test_every_mistake_is_told_at_once_with_its_line(project: Project) -> None:
    broken = project.path / "topologies/broken.yaml"
    broken.write_text(
        "name: broken\n"
        "title: Nothing fits\n"
        "networks:\n"
        "  - name: blue\n"
        "clusters:\n"
        "  - {name: east, network: bleu}\n"
        "  - {name: east, network: blue, colour: red}\n"
        "  - {name: west, network: blue, role: remote}\n"
    )
    project.check(
        """
def deaf(scene):
    yield

@pytest.mark.requirement("TO-01", "TO-99")
@pytest.mark.sabotage.with_args(deaf)
def test_it(lab):
    pass
"""
    )
    said = refused(
        project,
        *("--topology=broken", "--topology=ring", "--mesh=linkerd", "--provider=cloud"),
        "--kind-binary=/nowhere/kind",
    )
    for expected in (
        "broken.yaml:7: unknown key clusters.1.colour",
        "--topology ring: no topology named 'ring'; there is: broken, pair, single",
        "--mesh linkerd: no plugin knows it; built in: istio",
        "--provider cloud: no plugin knows it; built in: auto, embedded, kind",
        "--kind-binary /nowhere/kind: no program that can be run",
    ):
        assert expected in said
    broken.write_text(broken.read_text().replace(", colour: red", ""))
    said = refused(project, "--topology=broken")
    for expected in (
        "broken.yaml:6: cluster 'east' is on unknown network 'bleu'; declared: blue",
        "broken.yaml:7: cluster name 'east' is used more than once",
        "broken.yaml:8: cluster 'west' is a remote that nobody serves",
    ):
        assert expected in said


def test_marks_are_checked_before_anything_is_imported(project: Project) -> None:
    project.check(
        """
raise RuntimeError("must not be imported")

def deaf(scene):
    yield

@pytest.mark.requirement("TO-01", "TO-99")
@pytest.mark.sabotage.with_args(deaf)
def test_it(lab):
    pass
"""
    )
    said = refused(project)
    assert "suites/test_it.py:10: requirement 'TO-99' is not in the catalogue" in said
    assert (
        "suites/test_it.py:11: sabotage 'deaf' is not in the catalogue; for this check: none-yet"
    ) in said


def test_marks_of_modules_are_checked_too(project: Project) -> None:
    project.check(CHECK + '\npytestmark = [pytest.mark.requirement("TO-98")]\n')
    assert "suites/test_it.py:9: requirement 'TO-98' is not in the catalogue" in refused(project)


def test_marks_that_only_collection_finds_are_checked_then(project: Project) -> None:
    project.check(CHECK.replace('"TO-01"', '*["TO-97"]'))
    run = project.run()
    assert run.ret == pytest.ExitCode.USAGE_ERROR
    assert project.log == []
    run.stderr.fnmatch_lines(["*test_it.py::test_it: requirement 'TO-97' is not in the catalogue"])


def test_collecting_only_writes_no_report(project: Project) -> None:
    project.check(CHECK)
    assert project.run("--collect-only").ret == pytest.ExitCode.OK
    assert project.log == []
    assert not (project.path / "reports").exists()
    assert list((project.path / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--budget-scale=0"], "--budget-scale 0: must be more than 0"),
        (["--outage=-1"], "--outage -1: must be more than 0"),
        (["--topology=pair"], "--topology pair: given twice"),
        (
            ["--topology=single", "-n2", "--dist=loadfile"],
            "--dist loadfile: with several topologies, checks are handed out in order",
        ),
        (["--topology=field"], "--topology field: "),
        (["--topology=./nowhere.yaml"], "--topology ./nowhere.yaml: there is no such file"),
        (["--level=gold"], "invalid choice: 'gold'"),
    ],
)
def test_wrong_options(project: Project, options: list[str], expected: str) -> None:
    project.check(CHECK)
    assert expected in refused(project, *options)


def test_a_malformed_catalogue(project: Project) -> None:
    path = project.path / "suites/requirements.yaml"
    text = path.read_text()
    path.write_text(text.replace("id: TO-02", "id: TO-01"))
    assert "id TO-01 is used more than once" in refused(project)
    path.write_text(text.replace("[partition]", "[telepathy]").replace("linked", "twisted"))
    said = refused(project)
    line = text.partition("[partition]")[0].count("\n") + 1
    assert f"requirements.yaml:{line}: requirements.5.needs: Value error, no such need: " in said
    assert "requirements.3.pairs.0: Input should be 'linked'" in said


def test_a_version_that_a_mesh_does_not_have(project: Project) -> None:
    assert "--mesh-version" in refused(project, "--mesh=none", "--mesh-version=7")


def test_a_topology_that_a_mesh_cannot_be_installed_on(project: Project) -> None:
    project.pytester.makeconftest(
        (project.path / "conftest.py").read_text()
        + """

Toy.refuses = lambda self, topology: [f"no room for {len(topology.clusters)} clusters"]
"""
    )
    assert "--mesh toy on topology pair: no room for 2 clusters" in refused(project)


REFUSES = """

Toy.refuses = lambda self, topology: ["no room for two"] if len(topology.clusters) > 1 else []
"""


@pytest.mark.parametrize("options", [[], ["-n2"]], ids=["alone", "two-workers"])
def test_what_is_refused_is_left_out_of_all_and_that_is_said(
    project: Project, options: list[str]
) -> None:
    project.pytester.makeconftest((project.path / "conftest.py").read_text() + REFUSES)
    project.check(CHECK)
    run = project.run_apart(*options, topology="all")
    assert run.ret == pytest.ExitCode.OK
    run.stdout.fnmatch_lines(
        ["meshproof: single on toy*", "meshproof: left out: pair: --mesh toy: no room*"]
    )
    assert project.log.count("up") == 1
    record = project.record()
    assert record["options"]["left-out"] == "pair"
    assert project.results() == {"test_it[single]": "passed"}
    pair, single = project.report()["topologies"]
    assert (pair["name"], single["name"]) == ("pair", "single")
    assert pair["left_out"] == "--mesh toy: no room for two"
    assert {each["verdict"] for each in pair["requirements"]} == {"not-run"}
    assert {each["reason"] for each in pair["requirements"]} == {f"not raised: {pair['left_out']}"}
    assert pair["levels"]["core"]["status"] == "blocked"
    assert "left_out" not in single
    assert verify(project.path / "reports") == []


@pytest.mark.parametrize("who", ["Toy", "ToyProvider"])
def test_what_needs_a_data_plane_that_mesh_or_provider_lacks_is_not_about_it(
    project: Project, who: str
) -> None:
    path = project.path / "topologies/pair.yaml"
    path.write_text(path.read_text() + "data_plane: ambient\n")
    lacks = REFUSES + f'{who}.data_planes = frozenset({{"sidecar"}})\n'
    project.pytester.makeconftest((project.path / "conftest.py").read_text() + lacks)
    project.check(CHECK)
    assert project.run(topology="all").ret == pytest.ExitCode.OK
    pair, _ = project.report()["topologies"]
    assert {each["verdict"] for each in pair["requirements"]} == {"not-applicable"}
    assert pair["levels"]["core"]["status"] == "nothing-checked"


def test_where_all_are_refused_nothing_is_left_to_run(project: Project) -> None:
    refuses_all = REFUSES.replace("> 1", "> 0")
    project.pytester.makeconftest((project.path / "conftest.py").read_text() + refuses_all)
    assert "left out: single: --mesh toy: no room" in refused(project, topology="all")


def test_a_lab_that_a_provider_cannot_raise(project: Project) -> None:
    project.pytester.makeconftest(
        (project.path / "conftest.py").read_text()
        + """

ToyProvider.refuses = lambda self, topology, options: [f"no Kubernetes {options.kubernetes}"]
"""
    )
    told = refused(project, "--kubernetes-version=9.9.9")
    assert "--provider toy on topology pair: no Kubernetes 9.9.9" in told


def test_a_directory_for_reports_that_is_none(project: Project) -> None:
    (project.path / "file").touch()
    said = refused(project, "--report-dir=file/reports", "--outage=0")
    assert "file/reports: " in said
    assert "is not a directory" in said
    assert "--outage 0" in said
