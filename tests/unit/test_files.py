import stat
from pathlib import Path

import pytest

from harness import files
from harness.model import ConfigError

ROOT = Path(__file__).parents[2]
GOOD = """\
name: good
title: Good
networks:
  - name: blue
clusters:
  - name: east
    network: blue
"""
CATALOGUE = """\
version: 1
topologies:
  pair: {title: Pair, code: P, clusters: 2, networks: 2, control_planes: 2, meshes: 1, status: core}
requirements:
  - id: TO-01
    area: toys
    level: core
    title: Title
    must: It MUST hold.
    check: Look.
    why_none: nothing can break it
"""


def problems(path: Path, text: str) -> tuple[str, ...]:
    path.write_text(text)
    load = files.load_catalogue if "requirements:" in text else files.load_topology
    with pytest.raises(ConfigError) as caught:
        load(path)
    return tuple(problem.removeprefix(f"{path}:") for problem in caught.value.problems)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    return tmp_path / "good.yaml"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("networks:", "netwroks:", ["3: unknown key netwroks", "1: missing key networks"]),
        ("network: blue", "network: bleu", ["7: cluster 'east' is on unknown network"]),
        ("name: east", "name: East", ["6: clusters.0.name: String should match"]),
        ("name: good", "name: bad", ["1: name is 'bad', but the file is called good.yaml"]),
        ("title: Good", "title: Good\ntitle: Twice", ["3: key 'title' appears twice"]),
        ("title: Good", "title: [", ["4: not YAML:"]),
        ("title: Good", "? [a, b]\n: c", ["2: not YAML: found unhashable key"]),
        ("title: Good", "? {a: b, a: c}\n: c", ["2: key 'a' appears twice"]),
        ("title: Good", "title: &x\n  - [*x]", ["2: an alias stands for something that it"]),
        ("title: Good", "title: &x {<<: *x}", ["2: an alias stands for something that it"]),
        ("title: Good", f"title: {'[' * 300}", ["2: nested more than 200 deep"]),
        ("title: Good", f"title: {'[' * 200_000}", ["2: nested more than 200 deep"]),
        ("title: Good", "title: 2026-02-30", ["2: '2026-02-30' is no valid timestamp"]),
        ("title: Good", "title: !!bool perhaps", ["2: 'perhaps' is no valid bool"]),
        ("title: Good", f"title: {'9' * 5000}", ["2: '9999"]),
        (GOOD, "", ["1: expected a mapping"]),
        (GOOD, "- a\n- b\n", ["1: expected a mapping"]),
        (GOOD, f"{GOOD}---\n{GOOD}", ["holds 2 documents"]),
        ("name: east", "name: east\n    role: boss", ["7: clusters.0.role: Input should be"]),
    ],
)
def test_a_mistake_is_told_with_its_line(
    good: Path, old: str, new: str, expected: list[str]
) -> None:
    found = problems(good, GOOD.replace(old, new))
    assert len(found) >= len(expected)
    for each in expected:
        assert any(each in problem for problem in found), found


def test_all_mistakes_are_told_at_once(good: Path) -> None:
    found = problems(good, GOOD.replace("title: Good", "colour: red") + "    shape: round\n")
    assert found == (
        "1: missing key title",
        "8: unknown key clusters.0.shape",
        "2: unknown key colour",
    )


def test_an_absent_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        files.load_topology(tmp_path / "none.yaml")


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        files.load_topology(tmp_path / "x.yaml")


def test_wrong_name_lists_the_right_ones(tmp_path: Path) -> None:
    (tmp_path / "ring.yaml").touch()
    with pytest.raises(ConfigError, match="there is: ring"):
        files.find_topology("rnig", tmp_path)


def test_topologies_of_the_field_are_found_by_name_and_not_among_all(tmp_path: Path) -> None:
    (tmp_path / "field").mkdir()
    for name in ("ring.yaml", "field/odd.yaml"):
        (tmp_path / name).touch()
    assert files.find_topology("odd", tmp_path) == tmp_path / "field/odd.yaml"
    assert [path.stem for path in files.topology_files(tmp_path)] == ["ring"]
    assert [path.stem for path in files.topology_files(tmp_path, field=True)] == ["ring", "odd"]
    with pytest.raises(ConfigError, match="there is: ring, odd"):
        files.find_topology("rnig", tmp_path)


def test_a_group_is_all_of_the_guides_or_all_in_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ring.yaml", "star.yaml", "field/odd.yaml", "mine/own.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    def names(group: str) -> list[str] | None:
        found = files.topology_group(group, tmp_path)
        return None if found is None else [path.stem for path in found]

    assert names("all") == ["ring", "star"]
    assert names("field") == ["odd"]
    assert names("./mine") == names(f"{tmp_path}/mine") == ["own"]
    assert names("mine") is names("ring") is names("./mine/own.yaml") is None
    (tmp_path / "mine/own.yaml").unlink()
    with pytest.raises(ConfigError, match="holds no topology"):
        files.topology_group("./mine", tmp_path)


def test_no_two_shipped_topologies_have_one_name() -> None:
    names = [path.stem for path in files.topology_files(ROOT / "topologies", field=True)]
    assert len(set(names)) == len(names)


def test_a_topology_may_be_a_path(good: Path) -> None:
    good.write_text(GOOD)
    assert files.find_topology(str(good), Path("/nowhere")) == good
    assert files.load_topology(good).name == "good"


@pytest.mark.parametrize(
    "path", files.topology_files(ROOT / "topologies", field=True), ids=lambda p: p.stem
)
def test_shipped_topologies_load_and_are_drawn(path: Path) -> None:
    assert files.load_topology(path).name == path.stem
    drawing = path.read_text().partition("name:")[0]
    assert drawing.isascii()
    assert "+---" in drawing


def test_the_shipped_catalogue_loads() -> None:
    catalogue = files.load_catalogue(ROOT / "suites/requirements.yaml")
    assert len(catalogue.requirements) >= 147  # those of the reference, and our own
    assert catalogue.get("NM-03") is not None


def test_a_catalogue_may_not_contradict_itself(tmp_path: Path) -> None:
    path = tmp_path / "requirements.yaml"
    entry = CATALOGUE.partition("requirements:\n")[2]
    again = entry.replace("    why_none: nothing can break it\n", "")
    assert problems(path, CATALOGUE + again) == (
        "12: id TO-01 is used more than once",
        "12: TO-01 has neither a sabotage nor a reason for having none",
    )


def test_a_need_that_nobody_knows_is_told_with_its_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "r.yaml", CATALOGUE + "    needs: [telepathy]\n")
    assert problem.startswith("12: requirements.0.needs: Value error, no such need: telepathy; ")


MANIFESTS = """\
# nothing here
---
apiVersion: v1
kind: Namespace
metadata: {name: a}
---
---
apiVersion: v1
kind: Namespace
metadata: {name: b}
"""


def test_manifests_are_read_one_per_document(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text(MANIFESTS)
    names = ["a", "b"]
    assert [each["metadata"]["name"] for each in files.load_manifests(path)] == names
    assert [each["metadata"]["name"] for each in files.parse_manifests(MANIFESTS)] == names


def test_malformed_manifests_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_text("kind: Pod\n---\napiVersion: v1\nkind: Pod\nmetadata: {labels: {}}\n---\n- x\n")
    with pytest.raises(ConfigError) as caught:
        files.load_manifests(path)
    assert caught.value.problems == (
        f"{path}:1: manifest lacks apiVersion, metadata",
        f"{path}:5: manifest of kind Pod has no name",
        f"{path}:7: a manifest is a mapping with apiVersion, kind and metadata",
    )


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = files.write(tmp_path / "x.yaml", {"b": 1, "a": ["ü"]}, private=True)
    assert files.read(path).data == {"b": 1, "a": ["ü"]}
    assert path.read_text().startswith("b:")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_open_to_others_is_closed_before_it_holds_a_secret(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.touch()
    path.chmod(0o644)
    files.write(path, {"token": "t"}, private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_published_replaces_what_was_there_and_leaves_nothing_beside(
    tmp_path: Path,
) -> None:
    path = tmp_path / "note"
    with files.publish(path, "before").open() as reader:
        assert files.publish(path, "after") == path
        assert (reader.read(), path.read_text()) == ("before", "after")
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        files.publish(tmp_path / "taken", "text")
    assert {each.name for each in tmp_path.iterdir()} == {"note", "taken"}


def test_text_is_parsed() -> None:
    assert files.parse("a: 1") == {"a": 1}
    assert files.parse("") is None
    assert files.dump({"a": 1}, {"b": 2}) == "a: 1\n---\nb: 2\n"


def test_a_document_of_many_aliases_is_looked_at_once_for_each_part() -> None:
    levels = [f"- &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    data = files.parse("\n".join(["- &a0 [x]", *levels]))
    assert len(data) == 60
