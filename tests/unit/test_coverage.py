"""Every core promise has a check, wherever it applies."""

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


@pytest.mark.parametrize(
    "requirement", [each.id for each in CATALOGUE.requirements if each.level is Level.CORE]
)
def test_every_core_promise_has_a_check_wherever_it_applies(requirement: str) -> None:
    cells = COVERAGE.missing(Level.CORE)
    missing = sorted(cell.topology for cell in cells if cell.requirement.id == requirement)
    assert not missing, f"{requirement} has no check on {missing}"
