"""The suites on a real mesh: alone, shared by two workers, and without a mesh as the baseline."""

from pathlib import Path

import pytest

from harness.model import Verdict
from harness.reporting.record import RunRecord
from tests.live.conforming import ALONE, APPLY, TWO_NETWORKS, conformance, judged, kept

#: Promises about what crosses between clusters, and the checks of them: without a mesh, nothing
#: crosses. (Checks of paths between networks are not-run then: they rest on NM-08.)
ACROSS = {"CM-01", "DS-01", "DS-02", "ID-01", "LB-01", "LB-06", "MM-01", "NM-08", "TN-01", "TN-05"}
ACROSS_CHECKS = (
    "isolation or one_mesh or endpoints_of_the_other or same_view or servers_see or every_version"
    " or tcp_and_grpc or test_the_instances_of_all or tenants_may or equal_namespaces"
)


@pytest.mark.parametrize(
    "workers",
    [pytest.param((), marks=pytest.mark.nightly), ("-n", "2")],
    ids=["alone", "two-workers"],
)
def test_every_check_passes_on_istio(tmp_path: Path, workers: tuple[str, ...]) -> None:
    assert kept(tmp_path, conformance(tmp_path, *workers)) == APPLY[TWO_NETWORKS]


def test_without_a_mesh_nothing_crosses(tmp_path: Path) -> None:
    short = ("--budget-scale", "0.1")  # what cannot come need not be waited for
    outcome = conformance(tmp_path, "--mesh", "none", *short, "-k", ACROSS_CHECKS, "-n", "2")
    seen = judged(tmp_path)
    assert outcome.exit_code == 1
    assert seen == {"NM-03": Verdict.PASSED} | dict.fromkeys(ACROSS, Verdict.FAILED)


def test_a_single_cluster_is_the_control_experiment(tmp_path: Path) -> None:
    assert kept(tmp_path, conformance(tmp_path, topology=ALONE), ALONE) == APPLY[ALONE]


def test_checks_notice_what_they_must_notice(tmp_path: Path) -> None:
    chosen = "endpoints_of_the_other or version_answers or tenants_may or servers_see"
    outcome = conformance(tmp_path, "--prove", "-k", chosen)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    record = RunRecord.load(tmp_path / "record.json")
    fates = [proof.fate for result in record.results for proof in result.proofs]
    assert len(fates) >= 3
    assert set(fates) == {"killed"}
