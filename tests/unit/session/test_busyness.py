"""A failure on a machine that was far too busy says so."""

import os

import pytest

from harness.session.failure_evidence import busyness


@pytest.mark.parametrize(
    ("load", "told"),
    [(61.2, "61 processes wanted to run on 2 processors in the last minute"), (15.9, "")],
)
def test_only_a_load_that_explains_a_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, load: float, told: str
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 1.0, 1.0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert busyness() == told
