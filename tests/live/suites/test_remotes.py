"""A primary and its remote on two networks: what is promised of remotes is judged, and kept."""

from pathlib import Path

from harness.model import Verdict
from tests.live.conforming import OF_REMOTES, REMOTE, REMOTES_CHECKS, conformance, judged


def test_what_is_promised_of_remotes_is_kept(tmp_path: Path) -> None:
    outcome = conformance(tmp_path, "-n", "2", "-k", REMOTES_CHECKS, topology=REMOTE)
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    seen = judged(tmp_path, REMOTE)
    assert {name for name in OF_REMOTES if seen[name] is not Verdict.PASSED} == set()
