"""The page of requirements says what follows from the catalogue and the topologies now."""

from pathlib import Path

import pytest

from harness.files import load_catalogue
from harness.model import Requirement
from harness.model.structure import PairKind
from harness.reporting.requirement_table import CATALOGUE, PAGE, where, written

ROOT = Path(__file__).parents[3]
REQUIREMENTS = load_catalogue(ROOT / CATALOGUE)


def test_the_page_is_current() -> None:
    shown = (ROOT / PAGE).read_text(encoding="utf-8")
    assert shown == written(ROOT), "python -m harness.reporting.requirement_table"


def test_every_requirement_has_a_row_and_every_kind_of_pair_a_meaning() -> None:
    lines = written(ROOT).splitlines()
    for requirement in REQUIREMENTS.requirements:
        assert sum(line.startswith(f"| {requirement.id} |") for line in lines) == 1
    pairs = lines[lines.index("## Pairs") : lines.index("## Area: cluster")]
    for kind in PairKind:
        assert sum(line.startswith(f"| `{kind}` | ") for line in pairs) == 1, kind


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, []),
        ({"when": [["remote", "machine"]]}, ["where a cluster is served by a control plane that "
          "runs elsewhere or a machine runs a workload of the mesh"]),
        ({"unless": ["ambient"]}, ["not where workloads get in by ztunnel"]),
        ({"pairs": ["linked", "routed"]}, ["asked of pairs `linked` and `routed`"]),
        (
            {"pairs": "isolated", "machines": "own-network"},
            ["asked of pairs `isolated` and machines on another network than their cluster"],
        ),
        ({"clusters": "gateway"}, ["of each gateway cluster"]),
        ({"networks": "gateway"}, ["of each network with a gateway"]),
        ({"control_planes": "external"}, ["of each control plane: external"]),
        (
            {"precondition_for": "other-network"},
            ["what is asked of pairs `other-network` rests on it"],
        ),
    ],
)  # fmt: skip
def test_where_a_requirement_is_judged_is_told_in_words(
    given: dict[str, object], expected: list[str]
) -> None:
    words = dict.fromkeys(("area", "title", "must", "check"), "x")
    made = Requirement.model_validate({"id": "XX-01", "level": "core", **words, **given})
    assert list(where(made)) == expected
