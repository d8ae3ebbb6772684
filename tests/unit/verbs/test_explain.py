"""What ``meshproof explain topology`` tells, and where it finds what it needs."""

from pathlib import Path

import pytest

from harness.files import load_catalogue, load_topology, topology_files
from harness.model import ConfigError
from harness.verbs import cli, codes
from harness.verbs.applicability import WIDTH, judged
from harness.verbs.explain import declared
from harness.verbs.settings import setting

CHECKOUT = Path(__file__).parents[3]
CATALOGUE = load_catalogue(CHECKOUT / "suites/requirements.yaml")
FILES = topology_files(CHECKOUT / "topologies", field=True)
PAIR = """\
name: pair
title: A pair
networks: [{name: blue}, {name: red}]
clusters:
  - {name: east, network: blue}
  - {name: west, network: red, role: remote, primary: east}
"""


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Declare a topology in a directory that is no checkout, and go there."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "pair.yaml"
    path.write_text(PAIR)
    return path


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["explain", "topology", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_requirement_is_told_once_as_applicable_or_not(path: Path) -> None:
    topology = load_topology(path)
    lines = list(judged(topology, CATALOGUE))
    start = lines.index(next(each for each in lines if each.startswith("Not applicable")))
    end = next((n for n, each in enumerate(lines) if each.startswith("Asked for")), len(lines))
    applying = [word for line in lines[:start] for word in line.split() if CATALOGUE.get(word)]
    others = [word for line in lines[start:end] for word in line.split() if CATALOGUE.get(word)]
    known = {each.id: each.applies(topology) for each in CATALOGUE.requirements}
    assert sorted(applying) == sorted(name for name, applies in known.items() if applies)
    assert sorted(others) == sorted(name for name, applies in known.items() if not applies)
    assert max(map(len, [*lines, *declared(topology)])) <= WIDTH


def test_a_file_outside_of_a_checkout_is_explained(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = told(capsys, str(pair))
    assert out.startswith("pair: A pair\n\n+-- blue ---")
    assert "  east  in east/istio-system  revision default; serves east, west; " in out
    assert "  remote             a cluster is served by a control plane that runs elsewhere" in out
    assert "  east -> west  two networks, one control plane\n" in out
    assert "--catalogue FILE tells what it would be judged by" in out


def test_a_catalogue_tells_what_it_would_be_judged_by(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = told(capsys, str(pair), "--catalogue", str(CHECKOUT / "suites/requirements.yaml"))
    assert "  Asked of all 2 pairs (" in out
    assert "  there is no pair of clusters: same-network:\n" in out
    assert "Asked for, and offered by nobody yet\n" in out


def test_pairs_that_are_asked_are_named_where_others_are_not() -> None:
    hybrid = next(path for path in FILES if path.stem == "hybrid-three-clusters")
    lines = list(judged(load_topology(hybrid), CATALOGUE))
    assert "  Asked of 2 of 6 pairs: cluster1->cluster2, cluster2->cluster1 (5):" in lines


def test_machines_that_are_asked_are_named() -> None:
    machines = next(path for path in FILES if path.stem == "vm-multi-network")
    assert any("machines: machine1" in line for line in judged(load_topology(machines), CATALOGUE))


def test_every_mistake_of_the_file_is_listed(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pair.write_text(PAIR.replace("network: blue", "network: bleu").replace("primary: east", ""))
    assert cli.main(["explain", "topology", str(pair)]) == codes.WRONG
    err = capsys.readouterr().err
    assert f"{pair}:5: cluster 'east' is on unknown network 'bleu'; declared: blue, red" in err
    assert f"{pair}:6: cluster 'west' is a remote that nobody serves; add 'primary: NAME'" in err


def test_a_name_that_nothing_has_is_wrong_input(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", "topology", "pear", "--directory", "."]) == codes.WRONG
    assert "no topology named 'pear'; there is: pair" in capsys.readouterr().err


def test_a_catalogue_that_was_named_must_be_there(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["explain", "topology", "pair.yaml", "--catalogue", "none"]) == codes.WRONG
    assert "No such file" in capsys.readouterr().err


def test_the_drawing_is_written_where_it_is_wanted(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(capsys, str(pair), "--svg", "pair.svg")
    assert pair.with_suffix(".svg").read_text().startswith("<svg xmlns=")
    assert cli.main(["explain", "topology", "pair.yaml", "--svg", "no/where.svg"]) == codes.WRONG
    assert "--svg no/where.svg" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\ncatalogue = rules/all.yaml\n"),
        ("tox.ini", "[pytest]\ncatalogue = rules/all.yaml\n"),
        ("setup.cfg", "[tool:pytest]\ncatalogue = rules/all.yaml\n"),
        ("pyproject.toml", '[tool.pytest.ini_options]\ncatalogue = "rules/all.yaml"\n'),
    ],
)
def test_paths_are_those_of_the_nearest_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)
    (tmp_path / "deep/er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep/er")
    assert setting("catalogue", "suites/requirements.yaml") == tmp_path / "rules/all.yaml"


@pytest.mark.parametrize(("file", "text"), [("pytest.ini", "[pytest"), ("pyproject.toml", "[x")])
def test_a_configuration_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=file):
        setting("catalogue", "suites/requirements.yaml")


def test_topologies_of_the_field_are_listed_and_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(CHECKOUT)
    assert cli.main(["topologies"]) == 0
    names = [row.split()[0] for row in capsys.readouterr().out.splitlines()]
    assert names == [path.stem for path in FILES]
    assert "two-revisions" in names
    assert told(capsys, "two-revisions").startswith("two-revisions: ")
