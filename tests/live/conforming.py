"""Whole runs of the suites, as a user starts them, and what must come out of them anywhere."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from harness.model import Verdict
from harness.reporting.judgement import verdicts
from harness.reporting.record import RunRecord
from harness.shell import LocalShell, Outcome

ROOT = Path(__file__).parents[2]
#: Long enough to be an outage, short enough for every night; the report names the deviation.
OUTAGE = "10"
TWO_NETWORKS, ONE_NETWORK, ALONE = "multi-primary-multi-network", "multi-primary", "single-cluster"
#: What is promised of remotes, and the checks of it.
REMOTE = "primary-remote-multi-network"
OF_REMOTES = {"CP-02", "CP-03", "CP-04", "CP-05", "CP-06", "CP-09", "DS-03", "GW-06", "GW-10"}
REMOTES_CHECKS = "remotes or remote_gateways or one_mesh or one_secret"
#: How many requirements have a check and apply, by topology: all of them pass.
APPLY: Mapping[str, int] = {TWO_NETWORKS: 65, ONE_NETWORK: 55, ALONE: 15}


def conformance(
    reports: Path, *options: str, provider: str = "embedded", topology: str = TWO_NETWORKS
) -> Outcome:
    """Run the suites in a process of their own."""
    argv = [sys.executable, "-m", "pytest", "suites", "-p", "no:cacheprovider"]
    argv += ["--topology", topology, "--provider", provider, "--report-dir", str(reports)]
    return LocalShell(ROOT).run([*argv, "--outage", OUTAGE, *options], timeout=1150)


def judged(reports: Path, topology: str = TWO_NETWORKS) -> Mapping[str, Verdict]:
    """Return the verdict of every requirement that has a check, of a complete run."""
    record = RunRecord.load(reports / "record.json")
    assert record.complete
    return {
        requirement: verdict
        for requirement, verdict in verdicts(record, topology).items()
        if any(result.requirement == requirement for result in record.results)
    }


def kept(reports: Path, outcome: Outcome, topology: str = TWO_NETWORKS) -> int:
    """Return how many promises were looked at and kept; none may have another verdict."""
    seen = judged(reports, topology)
    assert not broken(reports), "\n".join([*broken(reports), f"report: {_saved(reports)}"])
    assert outcome.exit_code == 0, outcome.stdout[-4000:]
    return list(seen.values()).count(Verdict.PASSED)


def _saved(reports: Path) -> Path:
    """Keep a report with its evidence where those of the tests are, for whoever looks later."""
    place = ROOT / "build/test-results/broken" / f"{reports.name}-{os.getpid()}"
    shutil.copytree(reports, place, dirs_exist_ok=True)
    return place


def broken(reports: Path) -> list[str]:
    """Say of every check that did not pass why not."""
    fine = {Verdict.PASSED, Verdict.NOT_APPLICABLE}
    results = RunRecord.load(reports / "record.json").results
    return [f"{each.check}: {each.reason}" for each in results if each.verdict not in fine]
