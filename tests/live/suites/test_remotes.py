"""A primary and its remote on two networks: what is promised of remotes is judged, and kept."""

from pathlib import Path

import pytest

from harness.model import Verdict
from harness.providers.embedded.provider import EmbeddedProvider
from tests.live.conforming import conformance, judged

REMOTE = "primary-remote-multi-network"
OF_REMOTES = {"CP-02", "CP-03", "CP-04", "CP-05", "CP-06", "CP-09", "DS-03", "GW-06", "GW-10"}


@pytest.fixture(autouse=True)
def machine() -> None:
    if missing := EmbeddedProvider().lacks():
        pytest.skip("; ".join(missing))


def test_what_is_promised_of_remotes_is_kept(tmp_path: Path) -> None:
    chosen = "remotes or remote_gateways or one_mesh or one_secret"
    outcome = conformance(tmp_path, "-n", "2", "-k", chosen, topology=REMOTE)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    seen = judged(tmp_path, REMOTE)
    assert {name for name in OF_REMOTES if seen[name] is not Verdict.PASSED} == set()
