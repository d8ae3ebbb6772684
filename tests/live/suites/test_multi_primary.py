"""Two primaries on one network: every promise of it is kept, none of two networks is judged."""

from pathlib import Path

import pytest

from harness.model import Verdict
from harness.reporting.record import RunRecord
from tests.live.conforming import APPLY, ONE_NETWORK, conformance, judged, kept

#: What the suites check of gateways, and of networks that are kept apart.
OF_TWO_NETWORKS = {
    *("GW-01", "GW-02", "GW-03", "GW-04", "GW-07", "GW-08", "LF-10"),
    *("NM-03", "NM-04", "NM-05", "NM-08", "NM-09", "NM-10", "NM-11"),
}
OF_ONE_NETWORK = {"LF-11", "NM-01", "NM-02", "NM-07"}


@pytest.mark.nightly
def test_every_check_that_applies_passes(tmp_path: Path) -> None:
    assert (
        kept(tmp_path, conformance(tmp_path, topology=ONE_NETWORK), ONE_NETWORK)
        == APPLY[ONE_NETWORK]
    )
    seen = judged(tmp_path, ONE_NETWORK)
    assert {seen[name] for name in OF_TWO_NETWORKS} == {Verdict.NOT_APPLICABLE}
    assert seen.keys() >= OF_ONE_NETWORK
    record = RunRecord.load(tmp_path / "record.json")
    crossed = {hop.hop for each in record.results for hop in each.observations}
    assert "gateway" not in crossed
    assert "direct" in crossed
    notes = [note for each in record.results for note in each.notes]
    assert "calls from cluster1 keep their address" in notes
    assert "calls from cluster2 keep their address" in notes


def test_checks_of_one_network_notice_what_they_must_notice(tmp_path: Path) -> None:
    chosen = "shared_network or test_retries or nothing_crosses"
    outcome = conformance(tmp_path, "--prove", "-k", chosen, topology=ONE_NETWORK)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    record = RunRecord.load(tmp_path / "record.json")
    fates = {p.sabotage: p.fate for result in record.results for p in result.proofs}
    assert fates == dict.fromkeys(
        (
            "equal-pod-subnets",
            "false-network-name",
            "mtls-disabled",
            "no-retries",
            "route-removed",
        ),
        "killed",
    )
