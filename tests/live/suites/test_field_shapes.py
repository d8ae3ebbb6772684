"""What operators run beside the guides' topologies: judged rightly, when whole and when broken."""

from pathlib import Path

import pytest

from harness.reporting.record import RunRecord
from tests.live.conforming import ROOT, conformance

CALLS = "the_other_cluster_answers"
PATHS = "own_pods_and_foreign_gateways"
ENTRANCES = "the_gateway_is_reachable"
#: By shape, the checks whose promise the shape puts in question, each in one pair or cluster.
SHAPES = {
    "hostname-gateways": f"{CALLS} or {PATHS} or {ENTRANCES}",
    "two-address-gateways": f"{CALLS} or {PATHS} or share_follows",
    "address-per-network": f"{CALLS} or {PATHS} or only_gateway_traffic",
    "dual-stack-gateways": f"{CALLS} or {PATHS} or share_follows",
    "node-port-gateways": f"{CALLS} or {PATHS} or {ENTRANCES}",
    "renamed-gateway": f"{CALLS} or {PATHS} or {ENTRANCES}",
    "one-gateway-per-network": f"{CALLS} or {PATHS} or only_gateway_traffic",
    "regions-and-zones": f"{CALLS} or locality_of_endpoints",
    "trust-domain-per-cluster": f"{CALLS} or servers_see_each or principals_are_authorized",
    "custom-root-and-revision": f"{CALLS} or policies_judge_callers",
    "chosen-hosts": f"{CALLS} or exposes_the_hosts",
    "four-networks": f"{CALLS} or same_view",
    "cluster-domain": f"{CALLS} or stays_cluster_local or exposes_the_hosts",
    "dns-capture": f"{CALLS} or name_resolves_as_long or nobody_is_local",
    "gateway-api": f"{CALLS} or {ENTRANCES} or exposes_the_hosts or gateway_api_serves",
    "machine-beside-clusters": f"{CALLS} or service_selects_machines",
    "self-signed": f"{CALLS} or servers_see_each",
}
#: What every change is tried on; the others are for the night.
FIRST = "hostname-gateways"


@pytest.mark.parametrize(
    "shape",
    [pytest.param(each, marks=() if each == FIRST else pytest.mark.nightly) for each in SHAPES],
)
def test_a_shape_is_green_when_whole_and_red_when_broken(shape: str, tmp_path: Path) -> None:
    topology = str(ROOT / f"topologies/field/{shape}.yaml")
    chosen = ("-k", SHAPES[shape], "--level", "extended")
    outcome = conformance(tmp_path, "--prove", *chosen, topology=topology)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    record = RunRecord.load(tmp_path / "record.json")
    fates = [proof.fate for result in record.results for proof in result.proofs]
    assert len(fates) >= 2
    assert set(fates) == {"killed"}
