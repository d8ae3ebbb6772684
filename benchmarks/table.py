"""The table that every benchmark prints: medians, the smallest and the largest value, goals."""

from collections.abc import Sequence
from statistics import median

#: What was measured, the value of each run, and the most that the median may be.
Row = tuple[str, Sequence[float], float | None]


def print_table(rows: Sequence[Row]) -> bool:
    """Print ``rows`` under a heading; say whether every goal is met."""
    print(f"\n{'what':48}{'median':>9}{'min':>9}{'max':>9}{'goal':>9}")
    met = [_print_row(*row) for row in rows]
    return all(met)


def _print_row(what: str, values: Sequence[float], goal: float | None) -> bool:
    middle = median(values)
    told = f"{what:48}{middle:9.2f}{min(values):9.2f}{max(values):9.2f}"
    print(told + (f"{goal:9.1f}" if goal is not None else f"{'':>9}"))
    return goal is None or middle <= goal
