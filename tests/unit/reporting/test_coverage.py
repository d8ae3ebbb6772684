"""What a cell says: whether it applies, has a check, and what reports said of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from harness.model import Catalogue, Fate, LeftOut, Level, Proof, Topology, Verdict
from harness.model.requirement import Machines
from harness.reporting.conformance import project
from harness.reporting.coverage import Cell, Written, coverage
from harness.reporting.report import ConformanceReport

Make = Callable[..., Any]

CHECK = Written(("CM-01",), frozenset(), frozenset({"cut", "of-another-requirement"}))
NAME = "two-by-two"


def cell(
    catalogue: Catalogue, topology: Topology, *reports: ConformanceReport, check: Written = CHECK
) -> Cell:
    return coverage(catalogue, [topology], [check], reports).cells["CM-01", NAME]


def test_without_a_report_only_what_is_written_is_known(
    catalogue: Catalogue, topology: Topology
) -> None:
    found = coverage(catalogue, [topology], [CHECK])
    one, other, extended, machine = (found.row(each.id)[0] for each in catalogue.requirements)
    assert (one.checked, one.verdict, one.missing) == (True, None, False)
    assert one.named == one.written == frozenset({"cut"})
    assert not one.killed
    assert other.missing
    assert not other.written
    assert extended.missing
    assert (machine.applies, machine.missing) == (False, False)
    assert [each.requirement.id for each in found.missing(Level.CORE)] == ["CM-02"]


@pytest.mark.parametrize(
    ("subjects", "checked"),
    [
        ({"source", "target", "stage"}, True),
        ({"cluster"}, True),
        ({"network"}, True),
        ({"control_plane"}, True),
        ({"machine"}, False),
        ({"source", "target", "machine"}, False),
    ],
)
def test_a_check_is_one_only_where_there_is_what_it_is_repeated_for(
    catalogue: Catalogue, topology: Topology, subjects: set[str], checked: bool
) -> None:
    check = Written(("CM-01",), frozenset(subjects), frozenset())
    assert cell(catalogue, topology, check=check).checked is checked


def test_machines_are_looked_at_where_there_are_some(
    catalogue: Catalogue, topology: Topology
) -> None:
    assert catalogue.requirements[3].machines is Machines.ANY
    check = Written(("VM-01",), frozenset({"machine"}), frozenset())
    assert not coverage(catalogue, [topology], [check]).cells["VM-01", NAME].checked


def test_the_last_verdict_counts_and_what_was_not_looked_at_says_nothing(
    catalogue: Catalogue, topology: Topology, record: Make, result: Make
) -> None:
    def report(hours: int, *results: object) -> ConformanceReport:
        made = record(*results)
        return project(made.model_copy(update={"finished": made.finished + timedelta(hours=hours)}))

    early = report(0, result("CM-01", Verdict.FAILED))
    late = report(1, result("CM-01"))
    beside = report(2, result("CM-02"))
    assert cell(catalogue, topology, early).verdict is Verdict.FAILED
    assert cell(catalogue, topology, beside, late, early).verdict is Verdict.PASSED
    assert cell(catalogue, topology, beside).verdict is None


def test_a_topology_that_was_not_raised_was_not_run(
    catalogue: Catalogue, topology: Topology, record: Make, result: Make
) -> None:
    left_out = (LeftOut(topology=NAME, reason="no room"),)
    made = record(result("CM-01"), results=(), left_out=left_out)
    assert cell(catalogue, topology, project(made)).verdict is Verdict.NOT_RUN


def test_a_sabotage_is_killed_where_every_try_of_the_last_proof_was(
    catalogue: Catalogue, topology: Topology, record: Make, result: Make
) -> None:
    def proved(*fates: Fate) -> ConformanceReport:
        results = [
            result("CM-01", check=str(number), proofs=(Proof(sabotage="cut", fate=fate),))
            for number, fate in enumerate(fates)
        ]
        return project(record(*results))

    assert cell(catalogue, topology, proved(Fate.KILLED, Fate.KILLED)).killed == {"cut"}
    assert cell(catalogue, topology, proved(Fate.KILLED, Fate.SURVIVED)).killed == frozenset()
    unproved = project(record(result("CM-01")))
    assert cell(catalogue, topology, proved(Fate.KILLED), unproved).killed == {"cut"}
