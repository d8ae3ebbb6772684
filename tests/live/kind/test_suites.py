"""The suites on kind: the same promises, kept as on the embedded provider."""

from pathlib import Path

import pytest

from harness.model import Verdict
from harness.providers.kind.provider import KindProvider
from tests.live.conforming import (
    ALONE,
    APPLY,
    OF_REMOTES,
    ONE_NETWORK,
    REMOTE,
    REMOTES_CHECKS,
    TWO_NETWORKS,
    conformance,
    judged,
    kept,
)

#: Promises whose checks see or change what the provider made: networks, wires, nodes, addresses.
FABRIC = {
    *("CM-01", "CM-04", "GW-01", "GW-02", "GW-03", "GW-04", "GW-05", "GW-08"),
    *("NM-03", "NM-04", "NM-05", "NM-08", "NM-10", "NM-11"),
}
FABRIC_CHECKS = (
    "one_mesh or cluster_dies or counters or passthrough or isolation or test_paths or test_apart"
)


def test_promises_about_the_fabric_are_kept_on_kind(provider: KindProvider, tmp_path: Path) -> None:
    outcome = conformance(tmp_path, "-n", "2", "-k", FABRIC_CHECKS, provider=provider.name)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    seen = judged(tmp_path)
    assert {name for name in FABRIC if seen[name] is not Verdict.PASSED} == set()


@pytest.mark.nightly
def test_what_is_promised_of_remotes_is_kept_on_kind(
    provider: KindProvider, tmp_path: Path
) -> None:
    chosen = ("-n", "2", "-k", REMOTES_CHECKS)
    outcome = conformance(tmp_path, *chosen, provider=provider.name, topology=REMOTE)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    seen = judged(tmp_path, REMOTE)
    assert {name for name in OF_REMOTES if seen[name] is not Verdict.PASSED} == set()


@pytest.mark.nightly
@pytest.mark.parametrize("topology", [TWO_NETWORKS, ONE_NETWORK, ALONE])
def test_every_promise_is_kept_on_kind(
    provider: KindProvider, topology: str, tmp_path: Path
) -> None:
    outcome = conformance(tmp_path, "-n", "2", provider=provider.name, topology=topology)
    assert kept(tmp_path, outcome, topology) == APPLY[topology]
