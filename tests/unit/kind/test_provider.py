"""What a plan asks of the engine."""

import pytest

from harness.model import Topology
from harness.providers.kind import provider
from harness.providers.kind.provider import KindProvider
from harness.providers.offline import engine
from harness.providers.offline.engine import Engine


def test_ranges_that_are_all_declared_need_no_block(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = tuple(
        each.model_copy(update={"cidr": f"192.168.{number}.0/24"})
        for number, each in enumerate(topology.networks)
    )
    monkeypatch.setattr(engine, "find", lambda: Engine("unix:///none", None, "28.0", "1.41"))
    monkeypatch.setattr(provider, "reserve", lambda _: pytest.fail("a block was reserved"))
    plan = KindProvider().plan(topology.model_copy(update={"networks": networks}))
    assert [each.cidr for each in plan.networks] == ["192.168.0.0/24", "192.168.1.0/24"]
