"""Two runs that plan at the same moment."""

import os
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from harness.model import MachineError, Topology
from harness.model.plan import plan_networks
from harness.providers.kind import reservations
from harness.providers.kind.networks import BLOCKS
from harness.shell import LocalShell


def ranges(*texts: str) -> list[IPv4Network]:
    return [IPv4Network(text) for text in texts]


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Names of its own for each test, as labs may be raised on this machine meanwhile."""
    monkeypatch.setattr(reservations, "_NAME", f"\0{tmp_path.name}-{os.getpid()}-{{}}")
    monkeypatch.setattr(reservations, "_HELD", {})
    yield
    for plug in reservations._HELD.values():
        plug.close()


def nothing() -> list[IPv4Network]:
    return []


def test_the_first_free_block_is_taken() -> None:
    assert reservations.reserve(lambda: ranges("10.77.3.0/24", "172.17.0.0/16")) == 78
    assert reservations.reserve(lambda: ranges("10.76.0.0/14")) == 80


def test_nobody_gets_a_block_twice_until_it_is_released(topology: Topology) -> None:
    assert [reservations.reserve(nothing) for _ in range(2)] == [77, 78]
    reservations.release(plan_networks(topology, block=77))
    assert [reservations.reserve(nothing) for _ in range(2)] == [77, 79]


def test_a_block_that_became_networks_before_it_was_held_is_left() -> None:
    looks = iter([ranges(), ranges("10.77.0.0/24"), ranges("10.77.0.0/24")])
    assert reservations.reserve(lambda: next(looks)) == 78
    assert list(reservations._HELD) == [78]


def test_another_process_keeps_its_block_no_longer_than_it_lives() -> None:
    reserved = f"""
from harness.providers.kind import reservations
reservations._NAME = {reservations._NAME!r}
print(reservations.reserve(list))
"""
    assert reservations.reserve(nothing) == 77
    for _ in range(2):
        assert LocalShell().run([sys.executable, "-c", reserved]).checked() == "78\n"


def test_an_engine_that_is_full_is_explained() -> None:
    full = ranges(*(f"10.{block}.0.0/24" for block in BLOCKS))
    with pytest.raises(MachineError, match="every range"):
        reservations.reserve(lambda: full)
