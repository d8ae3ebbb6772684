"""What a plan asks of the engine."""

from pathlib import Path

import pytest

from harness.model import Topology
from harness.model.images import Archive, ImageTable, Reference
from harness.model.topology import GatewayServiceType, GatewaySpec
from harness.providers.base import RaiseOptions
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


def test_gateways_at_ports_of_nodes_are_refused(topology: Topology) -> None:
    cluster = topology.clusters[0].name
    at_nodes = GatewaySpec(cluster=cluster, type=GatewayServiceType.NODE_PORT)
    told = KindProvider().refuses(
        topology.model_copy(update={"gateways": (at_nodes,)}), RaiseOptions()
    )
    assert [f"of cluster {cluster!r} is reached at nodes" in each for each in told] == [True]


def test_versions_and_images_that_cannot_be_had_are_refused(
    topology: Topology, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = Engine("unix:///nowhere", 7, "20.10.24", "1.41")
    monkeypatch.setattr(engine, "find", lambda: own)
    table: ImageTable = {
        "x/archive:1": Archive(tmp_path / "absent.tar"),
        "x/registry:1": Reference("y/registry:1"),
    }
    told = "\n".join(
        KindProvider().refuses(topology, RaiseOptions(kubernetes="9.9.9", images=table))
    )
    assert "9.9.9" in told
    assert "1.34.4" in told
    assert "image x/archive:1: there is no file" in told
    assert "image x/registry:1 is in a registry" in told


def test_what_can_be_raised_is_not_refused(
    topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "find", lambda: None)
    options = RaiseOptions(kubernetes="1.36.3", images={"x/registry:1": Reference("y/r:1")})
    assert KindProvider().refuses(topology, options) == []
