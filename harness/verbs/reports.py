"""``meshproof verify`` and ``meshproof compare``: look at reports, without any cluster."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from harness.reporting.compare import compare
from harness.reporting.verify import verify
from harness.verbs.codes import FOUND


def add_verify(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``verify``, and the function that carries it out as ``rows``."""
    parser.add_argument("report", type=Path, help="conformance.yaml, or the directory it is in")
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--suites", type=Path)
    parser.set_defaults(rows=_verify)


def add_compare(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``compare``, and the function that carries it out as ``rows``."""
    parser.add_argument("one", type=Path, help="conformance.yaml, or the directory it is in")
    parser.add_argument("other", type=Path)
    parser.add_argument("--all", action="store_true", help="list the checks that agree as well")
    parser.set_defaults(rows=_compare)


def _verify(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    found = verify(options.report, catalogue=options.catalogue, suites=options.suites)
    return found or ["nothing is wrong with this report"], FOUND if found else 0


def _compare(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    comparison = compare(options.one, options.other)
    shown = comparison.rows if options.all else comparison.different
    table = [*comparison.table(shown), ""] if shown else []
    return [*table, comparison.summary()], FOUND if comparison.different else 0
