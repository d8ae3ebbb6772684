"""Machines beside a cluster, on its network or on one of their own: every promise is kept."""

from pathlib import Path

import pytest

from harness.model import Verdict
from harness.reporting.record import RunRecord
from tests.live.conforming import conformance, judged

#: What is promised of machines wherever they are, and only of those near pods or far from them.
ANYWHERE = {"VM-01", "VM-02", "VM-03", "VM-04", "VM-08", "VM-09"}
NEAR = {"VM-05", "VM-06", "VM-07", "VM-10", "VM-11", "VM-12", "VM-15", "VM-16", "VM-18"}
FAR = {"VM-13"}
BESIDE, BEYOND = "vm-single-network", "vm-multi-network"


@pytest.mark.parametrize(("topology", "own"), [(BESIDE, NEAR), (BEYOND, FAR)])
def test_every_promise_about_machines_is_kept(topology: str, own: set[str], tmp_path: Path) -> None:
    chosen = ("-k", "vm", "--level", "extended")
    outcome = conformance(tmp_path, "-n", "2", *chosen, topology=topology)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    seen = judged(tmp_path, topology)
    passed = {name for name, verdict in seen.items() if verdict is Verdict.PASSED}
    assert {name for name in passed if name.startswith("VM-")} == ANYWHERE | own


def test_checks_of_machines_notice_what_they_must_notice(tmp_path: Path) -> None:
    chosen = "test_a_machine_joins or test_a_machine_acts or test_a_service_selects_machines"
    outcome = conformance(tmp_path, "--prove", "-k", chosen, topology=BESIDE)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    record = RunRecord.load(tmp_path / "record.json")
    fates = {p.sabotage: p.fate for result in record.results for p in result.proofs}
    names = ("other-app-label", "other-service-account", "wrong-root-cert")
    assert fates == dict.fromkeys(names, "killed")
