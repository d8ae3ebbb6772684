"""Run the benchmarks and print one table: ``python -m benchmarks.run --runs 5``."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.measure import Checked, Raised, check_once, machine, raise_once, topology

WANTED = "multi-primary-multi-network"
ALONE = "single-cluster"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 0 if every goal is met."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="labs of each kind (default 5)")
    parser.add_argument("--checks", type=int, default=1, help="runs of all checks (default 1)")
    parser.add_argument("--outage", type=float, default=20.0, help="seconds of CP-11's outage")
    options = parser.parse_args(argv)
    print(f"{machine()}\n")
    pairs = [_pair(number, options.runs) for number in range(1, options.runs + 1)]
    rows = _rows([two for two, _ in pairs], [one for _, one in pairs])
    with tempfile.TemporaryDirectory() as scratch:
        checked = [
            check_once(WANTED, options.outage, Path(scratch) / str(number))
            for number in range(options.checks)
        ]
    rows += _check_rows(checked)
    print(f"\n{'what':44}{'median':>9}{'min':>9}{'max':>9}{'goal':>9}")
    met = [_print_row(*row) for row in rows]
    return 0 if all(met) else 1


def _pair(number: int, runs: int) -> tuple[Raised, Raised]:
    two, one = raise_once(topology(WANTED)), raise_once(topology(ALONE))
    sys.stderr.write(f"{number}/{runs}: ready {two.ready:.1f}s, floor {one.ready:.1f}s\n")
    return two, one


Row = tuple[str, list[float], float | None]


def _rows(two: list[Raised], one: list[Raised]) -> list[Row]:
    return [
        ("ready: calls served across clusters, s", [r.ready for r in two], 12.0),
        ("  API servers answer, s", [r.api_servers for r in two], None),
        ("  mesh installed and linked, s", [r.mesh for r in two], None),
        ("  apps injected and served, s", [r.served for r in two], None),
        ("floor: one cluster, step by step, s", [r.ready for r in one], None),
        ("ready / floor", [a.ready / b.ready for a, b in zip(two, one, strict=True)], 1.3),
        ("take-down, s", [r.down for r in two], 2.0),
        ("memory of the lab (PSS), GB", [r.memory / 1e9 for r in two], 2.2),
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


def _print_row(what: str, values: list[float], goal: float | None) -> bool:
    middle = median(values)
    told = f"{what:44}{middle:9.2f}{min(values):9.2f}{max(values):9.2f}"
    print(told + (f"{goal:9.1f}" if goal is not None else f"{'':>9}"))
    return goal is None or middle <= goal


if __name__ == "__main__":
    sys.exit(main())
