"""What the docs show of topologies and of where requirements are judged is what there is."""

import re
from pathlib import Path
from typing import Any

import pytest

from harness import files
from harness.model import ConfigError, PairKind, Requirement
from harness.model.requirement import Clusters, Machines, Networks, Planes

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "write-a-topology.md").read_text(encoding="utf-8")
CHECKS = (DOCS / "write-a-check.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
WHOLE = [block for block in BLOCKS if re.search(r"^name: ", block, re.MULTILINE)]
PARTS = [block for block in BLOCKS if block not in WHOLE]
#: What the page says its examples go into.
BASE: dict[str, Any] = {
    "name": "example",
    "title": "Example",
    "networks": [{"name": "blue"}, {"name": "red"}],
    "clusters": [{"name": "east", "network": "blue"}, {"name": "west", "network": "red"}],
}


def told(path: Path) -> list[str]:
    try:
        files.load_topology(path)
    except ConfigError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize("block", PARTS, ids=lambda block: block.partition(":")[0])
def test_an_example_of_a_noun_is_sound(tmp_path: Path, block: str) -> None:
    path = files.write(tmp_path / "example.yaml", {**BASE, **files.parse(block)})
    assert files.load_topology(path).name == "example"


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: files.parse(block)["name"])
def test_a_file_is_as_sound_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path(f"{files.parse(block)['name']}.yaml")
    path.write_text(block, encoding="utf-8")
    printed = re.findall(rf"^    ({path}:\d+: .*)$", PAGE, re.MULTILINE)
    assert told(path) == printed


def test_the_page_has_examples_of_every_noun_and_of_mistakes() -> None:
    keys = {key for block in PARTS for key in files.parse(block)}
    nouns = {"networks", "clusters", "control_planes", "gateways", "machines", "meshes"}
    assert nouns | {"links", "data_plane"} <= keys
    assert [files.parse(block)["name"] for block in WHOLE] == ["triangle", "ring", "knot"]


def test_the_example_of_where_a_requirement_is_judged_is_sound() -> None:
    (block,) = re.findall(r"^```yaml\n(when: .*?)^```$", CHECKS, re.MULTILINE | re.DOTALL)
    words = dict.fromkeys(("area", "title", "must", "check"), "x")
    example = {"id": "XX-01", "level": "core", **words, **files.parse(block)}
    assert {"when", "unless", "pairs", "machines"} <= Requirement.model_validate(
        example
    ).model_fields_set


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("`pairs`", PairKind),
        ("`machines`", Machines),
        ("`clusters`", Clusters),
        ("`networks`", Networks),
        ("`control_planes`", Planes),
    ],
)
def test_every_value_of_a_key_is_listed(
    key: str,
    kinds: type[PairKind] | type[Machines] | type[Clusters] | type[Networks] | type[Planes],
) -> None:
    (row,) = [line for line in CHECKS.splitlines() if line.startswith(f"| {key} |")]
    values = row.split(" | ")[-1]
    assert re.findall(r"`([a-z-]+)`", values) == [str(each) for each in kinds]
