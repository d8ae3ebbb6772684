"""Run the benchmarks and print one table: ``python -m benchmarks.run --runs 5``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.floor import Floor, floor_once
from benchmarks.measure import Checked, Raised, check_once, machine, raise_once, topology
from benchmarks.table import Row, print_table
from harness.providers.embedded.provider import EmbeddedProvider

WANTED = "multi-primary-multi-network"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 0 if every goal is met."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="labs of each kind (default 5)")
    parser.add_argument("--checks", type=int, default=1, help="runs of all checks (default 1)")
    parser.add_argument("--outage", type=float, default=20.0, help="seconds of CP-11's outage")
    options = parser.parse_args(argv)
    print(f"{machine()}\n")
    pairs = [_pair(number, options.runs) for number in range(1, options.runs + 1)]
    rows = _rows([lab for lab, _ in pairs], [floor for _, floor in pairs])
    with tempfile.TemporaryDirectory() as scratch:
        checked = [
            check_once(WANTED, options.outage, Path(scratch) / str(number))
            for number in range(options.checks)
        ]
    rows += _check_rows(checked)
    return 0 if print_table(rows) else 1


def _pair(number: int, runs: int) -> tuple[Raised, Floor]:
    lab = raise_once(topology(WANTED), EmbeddedProvider())
    floor = floor_once(topology(WANTED))
    sys.stderr.write(f"{number}/{runs}: ready {lab.ready:.1f}s, floor {floor.total:.1f}s\n")
    return lab, floor


def _rows(labs: list[Raised], floors: list[Floor]) -> list[Row]:
    ratios = [lab.ready / floor.total for lab, floor in zip(labs, floors, strict=True)]
    return [
        ("ready: calls served across clusters, s", [lab.ready for lab in labs], 12.0),
        ("  API servers answer, s", [lab.api_servers for lab in labs], None),
        ("  mesh installed and linked, s", [lab.mesh for lab in labs], None),
        ("  apps injected and served, s", [lab.served for lab in labs], None),
        ("floor: each step alone, one after the other, s", [f.total for f in floors], None),
        ("  etcd and API servers, s", [f.api_servers for f in floors], None),
        ("  manifests applied, s", [f.manifests for f in floors], None),
        ("  istiod ready, s", [f.istiod for f in floors], None),
        ("  one injected pod ready, s", [f.pod for f in floors], None),
        ("ready / floor", ratios, 1.3),
        ("take-down, s", [lab.down for lab in labs], 2.0),
        ("memory of the lab (PSS), GB", [lab.memory / 1e9 for lab in labs], 2.2),
    ]


def _check_rows(checked: list[Checked]) -> list[Row]:
    if not checked:
        return []
    net = [c.checks - c.waits for c in checked]
    return [
        ("all checks, without the waits of promises, s", net, 90.0),
        ("waits that the promises demand, s", [c.waits for c in checked], None),
        ("whole run of pytest, s", [c.total for c in checked], None),
    ]


if __name__ == "__main__":
    sys.exit(main())
