"""What nobody checks is known by name, and the list of it only gets shorter."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness import files
from harness.model import Level
from harness.reporting.coverage import coverage
from harness.verbs.coverage import written

ROOT = Path(__file__).parents[2]
CATALOGUE = files.load_catalogue(ROOT / "suites/requirements.yaml")
TOPOLOGIES = [files.load_topology(path) for path in files.topology_files(ROOT / "topologies")]
COVERAGE = coverage(CATALOGUE, TOPOLOGIES, written(ROOT / "suites"))
#: For each requirement without a check: on which topologies, or ``everywhere``.
LIST = Path(__file__).with_name("unchecked.yaml")
LISTED: Mapping[str, str | list[str]] = files.read(LIST).data
EVERYWHERE = "everywhere"


def listed(requirement: str) -> set[str]:
    topologies = LISTED.get(requirement, [])
    if isinstance(topologies, str):
        assert topologies == EVERYWHERE, requirement
        return {cell.topology for cell in COVERAGE.row(requirement) if cell.applies}
    return set(topologies)


def unchecked(requirement: str) -> set[str]:
    cells = COVERAGE.missing(Level.CORE)
    return {cell.topology for cell in cells if cell.requirement.id == requirement}


def test_the_list_of_gaps_speaks_of_core_requirements_that_there_are() -> None:
    core = {each.id for each in CATALOGUE.requirements if each.level is Level.CORE}
    assert set(LISTED) <= core


@pytest.mark.parametrize(
    "requirement", [each.id for each in CATALOGUE.requirements if each.level is Level.CORE]
)
def test_every_core_promise_has_a_check_wherever_it_applies_or_is_a_listed_gap(
    requirement: str,
) -> None:
    missing, known = unchecked(requirement), listed(requirement)
    assert not missing - known, f"{requirement} has no check on {sorted(missing - known)}"
    gone = sorted(known - missing)
    assert not gone, f"{requirement} has a check (or does not apply) on {gone}: shorten {LIST.name}"
