"""The suites on a real mesh: alone, shared by two workers, and without a mesh as the baseline."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.model import Verdict
from harness.providers.embedded.provider import EmbeddedProvider
from harness.reporting.judgement import verdicts
from harness.reporting.record import RunRecord
from harness.shell import LocalShell, Outcome

ROOT = Path(__file__).parents[3]
TOPOLOGY = "multi-primary-multi-network"
#: Long enough to be an outage, short enough for every night; the report names the deviation.
OUTAGE = "10"
#: Promises about what crosses between clusters, and the checks of them: without a mesh, nothing
#: crosses. (Checks of paths between networks are not-run then: they rest on NM-08.)
ACROSS = {"CM-01", "DS-01", "DS-02", "ID-01", "LB-01", "LB-06", "MM-01", "NM-08", "TN-01", "TN-05"}
ACROSS_CHECKS = (
    "isolation or one_mesh or endpoints_of_the_other or same_view or servers_see or every_version"
    " or tcp_and_grpc or instances_of_all or tenants_may or equal_namespaces"
)


@pytest.fixture(autouse=True)
def machine() -> None:
    if missing := EmbeddedProvider().lacks():
        pytest.skip("; ".join(missing))


def conformance(reports: Path, *options: str, topology: str = TOPOLOGY) -> Outcome:
    """Run the suites as a user does, in a process of their own."""
    argv = [sys.executable, "-m", "pytest", "suites", "-p", "no:cacheprovider"]
    argv += ["--topology", topology, "--report-dir", str(reports), "--outage", OUTAGE]
    return LocalShell(ROOT).run([*argv, *options], timeout=850)


def judged(reports: Path, topology: str = TOPOLOGY) -> Mapping[str, Verdict]:
    record = RunRecord.load(reports / "record.json")
    assert record.complete
    return {
        requirement: verdict
        for requirement, verdict in verdicts(record, topology).items()
        if any(result.requirement == requirement for result in record.results)
    }


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "two-workers"])
def test_every_check_passes_on_istio(tmp_path: Path, workers: tuple[str, ...]) -> None:
    outcome = conformance(tmp_path, *workers)
    seen = judged(tmp_path)
    assert not set(seen.values()) - {Verdict.PASSED, Verdict.NOT_APPLICABLE}, outcome.stdout[-4000:]
    assert outcome.exit_code == 0
    assert list(seen.values()).count(Verdict.PASSED) == 50


def test_without_a_mesh_nothing_crosses(tmp_path: Path) -> None:
    short = ("--budget-scale", "0.1")  # what cannot come need not be waited for
    outcome = conformance(tmp_path, "--mesh", "none", *short, "-k", ACROSS_CHECKS, "-n", "2")
    seen = judged(tmp_path)
    assert outcome.exit_code == 1
    assert seen == {"NM-03": Verdict.PASSED} | dict.fromkeys(ACROSS, Verdict.FAILED)


def test_a_single_cluster_is_the_control_experiment(tmp_path: Path) -> None:
    outcome = conformance(tmp_path, topology="single-cluster")
    seen = set(judged(tmp_path, "single-cluster").values())
    assert seen <= {Verdict.PASSED, Verdict.NOT_APPLICABLE}, outcome.stdout[-4000:]
    assert Verdict.PASSED in seen


def test_checks_notice_what_they_must_notice(tmp_path: Path) -> None:
    chosen = "endpoints_of_the_other or version_answers or tenants_may or servers_see"
    outcome = conformance(tmp_path, "--prove", "-k", chosen)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    record = RunRecord.load(tmp_path / "record.json")
    fates = [proof.fate for result in record.results for proof in result.proofs]
    assert len(fates) >= 3
    assert set(fates) == {"killed"}
