from datetime import UTC, datetime

from harness.probes.load import Entry, Gap, Ledger


def ledger(*statuses: int | None) -> Ledger:
    entries = tuple(
        Entry(float(at), status, "" if status else "timeout connecting", "c1", "v1", "p", "", 1.0)
        for at, status in enumerate(statuses)
    )
    return Ledger(datetime.now(UTC), len(entries), entries)


def test_a_gap_spans_from_the_last_served_to_the_next() -> None:
    seen = ledger(200, 200, 503, None, 200, 503)
    assert seen.gaps == (Gap(1.0, 4.0), Gap(4.0, 5.0))
    assert seen.gaps[0].seconds == 3.0
    assert seen.ok == 3
    assert seen.share == 0.5


def test_nothing_served_is_one_gap_from_the_start() -> None:
    assert ledger(None, None).gaps == (Gap(0.0, 1.0),)
    assert ledger().gaps == ()
    assert ledger().share == 0.0


def test_a_part_counts_for_itself() -> None:
    part = ledger(200, 503, 503, 200).between(1, 3)
    assert (part.sent, part.ok) == (2, 0)


def test_a_ledger_reads_in_one_line() -> None:
    told = str(ledger(200, 503, None))
    assert told == (
        "1 of 3 served {'c1': 1}; the slowest in 1 ms, 0.0 s after the start; "
        "1x 503, 1x timeout connecting"
    )
    assert str(ledger(None)) == "0 of 1 served {}; 1x timeout connecting"
