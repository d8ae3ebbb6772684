"""Two reports are compared by what was judged, check by check."""

from pathlib import Path
from typing import Any

import pytest

from harness.model import ClusterSpec, ConfigError, NetworkSpec, Topology, Verdict
from harness.reporting.compare import Comparison, compare
from harness.reporting.conformance import ConformanceWriter
from harness.reporting.record import LabRecord


def written(directory: Path, made: Any) -> Path:
    directory.mkdir()
    ConformanceWriter().write(made, directory)
    return directory


@pytest.fixture
def embedded(record: Any, tmp_path: Path) -> Path:
    return written(tmp_path / "one", record())


def on_kind(record: Any, tmp_path: Path, *results: Any) -> Path:
    lab = LabRecord(id="lab-2", provider="kind", topology="two-by-two")
    return written(tmp_path / "other", record(*results, labs=(lab,)))


def test_a_report_equals_itself(embedded: Path) -> None:
    comparison = compare(embedded, embedded)
    assert comparison.different == ()
    assert comparison.summary() == "3 checks, 0 judged differently"


def test_another_verdict_is_told_with_both_sides(
    embedded: Path, record: Any, result: Any, tmp_path: Path
) -> None:
    failed = result("CM-01", Verdict.FAILED, reason="only 3 of 100")
    other = on_kind(record, tmp_path, failed, result("CM-02"), result("NM-01"))
    comparison = compare(embedded, other)
    (row,) = comparison.different
    assert (row.requirement, row.one, row.other) == ("CM-01", Verdict.PASSED, Verdict.FAILED)
    assert list(comparison.table(comparison.different)) == [
        "| requirement | check | paper: istio 1.31.0 | kind: istio 1.31.0 |",
        "|---|---|---|---|",
        "| CM-01 | suites/x/test_x.py::test_CM-01[c1->c2] | passed | failed |",
    ]


def test_a_check_that_one_report_lacks_is_a_difference_on_either_side(
    embedded: Path, record: Any, result: Any, tmp_path: Path
) -> None:
    other = on_kind(record, tmp_path, result("CM-01"), result("CM-02"))
    assert missing(compare(embedded, other)) == [("NM-01", Verdict.PASSED, None)]
    assert missing(compare(other, embedded)) == [("NM-01", None, Verdict.PASSED)]


def missing(comparison: Comparison) -> list[tuple[str, Verdict | None, Verdict | None]]:
    return [(row.requirement, row.one, row.other) for row in comparison.different]


def test_reports_of_different_topologies_are_not_compared(
    embedded: Path, record: Any, result: Any, topology: Topology, tmp_path: Path
) -> None:
    alone = Topology(
        name="alone",
        title="One",
        networks=(NetworkSpec(name="network1"),),
        clusters=(ClusterSpec(name="c1", network="network1"),),
    )
    lone = result("CM-01").model_copy(update={"topology": "alone"})
    other = written(tmp_path / "other", record(lone, topologies=(alone,)))
    with pytest.raises(ConfigError, match="no judged topology in common"):
        compare(embedded, other)


def test_what_is_no_report_is_named(embedded: Path, tmp_path: Path) -> None:
    stray = tmp_path / "stray.yaml"
    stray.write_text("a: 1\n")
    with pytest.raises(ConfigError, match="not a conformance report"):
        compare(embedded, stray)
