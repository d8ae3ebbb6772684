"""The drawing of a topology: nothing overlaps, everything is inside, every use has its arrow."""

from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path
from typing import Protocol
from xml.etree import ElementTree

import pytest

from harness.files import load_topology, topology_files
from harness.model import ClusterSpec, NetworkSpec, Topology, structure
from harness.reporting.page.drawing import Card, Drawing, Line, draw, svg
from harness.reporting.record import ClusterRecord

ROOT = Path(__file__).parents[3]
ALL = [load_topology(path) for path in topology_files(ROOT / "topologies", field=True)]
BY_NAME = {topology.name: topology for topology in ALL}
every_topology = pytest.mark.parametrize("topology", ALL, ids=lambda topology: topology.name)


class Box(Protocol):
    @property
    def x(self) -> int: ...
    @property
    def y(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


def apart(one: Box, other: Box) -> bool:
    beside = one.x + one.width <= other.x or other.x + other.width <= one.x
    return beside or one.y + one.height <= other.y or other.y + other.height <= one.y


def inside(inner: Box, outer: Box) -> bool:
    return (
        outer.x < inner.x
        and outer.y < inner.y
        and inner.x + inner.width < outer.x + outer.width
        and inner.y + inner.height < outer.y + outer.height
    )


def card(drawing: Drawing, name: str) -> Card:
    return next(each for each in drawing.cards if each.content.name == name)


def touches(line: Line, box: Box) -> bool:
    """Say whether a line runs through the inside of a box."""
    return any(
        (
            max(min(x1, x2), box.x) < min(max(x1, x2), box.x + box.width)
            and box.y < y1 < box.y + box.height
        )
        or (
            max(min(y1, y2), box.y) < min(max(y1, y2), box.y + box.height)
            and box.x < x1 < box.x + box.width
        )
        for (x1, y1), (x2, y2) in pairwise(line.points)
    )


@every_topology
def test_nothing_overlaps_and_everything_is_inside(topology: Topology) -> None:
    drawing = draw(topology)
    assert all(apart(*pair) for pair in combinations(drawing.networks, 2))
    assert all(apart(*pair) for pair in combinations(drawing.cards, 2))
    for network in drawing.networks:
        assert network.x > 0
        assert network.x + network.width < drawing.width
        assert network.y > 0
        assert network.y + network.height < drawing.height
        assert all(inside(each, network) for each in network.cards)
    for frame in drawing.frames:
        assert all(inside(each, frame) or apart(each, frame) for each in drawing.networks)
    assert all(0 < caption.y < drawing.height for caption in drawing.captions)
    assert drawing.width < 1250


@every_topology
def test_what_is_on_a_card_has_room_there(topology: Topology) -> None:
    for each in draw(topology).cards:
        last = each.facts + 18 * (len(each.content.lines) - 1)
        assert last < each.gate(0)
        assert last < each.bottom


@every_topology
def test_lines_stay_in_the_drawing_and_run_through_no_card(topology: Topology) -> None:
    drawing = draw(topology)
    for line in (*drawing.links, *drawing.wires):
        assert all(0 < x < drawing.width and 0 < y < drawing.height for x, y in line.points)
        assert all(x1 == x2 or y1 == y2 for (x1, y1), (x2, y2) in pairwise(line.points))
        assert not any(touches(line, each) for each in drawing.cards)


def uses(topology: Topology) -> Iterator[tuple[str, str]]:
    for plane in structure.control_planes(topology):
        yield from ((name, plane.cluster) for name in plane.serves if name != plane.cluster)
        for machine in topology.machines:
            if machine.cluster in plane.serves:
                yield machine.name, plane.cluster


@every_topology
def test_an_arrow_leads_to_every_control_plane_that_is_used_from_elsewhere(
    topology: Topology,
) -> None:
    drawing = draw(topology)
    tops = {(name.content.name, name.y): name for name in drawing.cards}
    found = []
    for link in drawing.links:
        ends = [
            each.content.name
            for x, y in (link.points[0], link.points[-1])
            for each in tops.values()
            if each.y == y and each.x < x < each.x + each.width
        ]
        found.append(tuple(ends))
    assert sorted(found) == sorted(uses(topology))


@every_topology
def test_gateways_are_drawn_where_they_are_and_nowhere_else(topology: Topology) -> None:
    drawn = {each.content.name: each.content.gateways for each in draw(topology).cards}
    for name, gateways in drawn.items():
        known = structure.gateways_of(topology, name)
        assert [text for text, _ in gateways] == [f"{each.name}:{each.port}" for each in known]


@every_topology
def test_the_file_is_a_well_formed_svg_that_names_everybody(topology: Topology) -> None:
    root = ElementTree.fromstring(svg(topology))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = {text for each in root.iter() if (text := (each.text or "").strip())}
    assert {each.name for each in topology.networks} <= texts
    assert {each.name for each in structure.members(topology)} <= texts


def test_wires_join_gateways_that_lead_to_services_and_machines_that_need_one() -> None:
    assert draw(BY_NAME["primary-remote"]).wires == ()
    assert draw(BY_NAME["multi-mesh"]).wires == ()
    down_and_along = 3
    assert len(draw(BY_NAME["multi-primary-multi-network"]).wires) == down_and_along
    assert len(draw(BY_NAME["vm-multi-network"]).wires) == down_and_along


def test_networks_that_route_to_each_other_share_a_frame() -> None:
    assert len(draw(BY_NAME["gateway-only-same-network"]).frames) == 1
    assert draw(BY_NAME["multi-primary-multi-network"]).frames == ()


def test_meshes_and_what_they_offer_are_told() -> None:
    drawing = draw(BY_NAME["multi-mesh-federated"])
    texts = [caption.text for caption in drawing.captions]
    assert "mesh1: trust domain td1; trusts mesh2; offers offered.sample to mesh2." in texts
    assert card(drawing, "cluster2").content.note == "primary · mesh2"


def test_every_istiod_of_a_cluster_is_told() -> None:
    drawing = draw(BY_NAME["multiple-control-planes"])
    control = card(drawing, "cluster1").content.control
    assert control == ("istiod usergroup-1", "istiod usergroup-2 · mesh2")


def test_a_network_without_anything_on_it_is_drawn() -> None:
    topology = Topology(
        name="t",
        title="T",
        networks=(NetworkSpec(name="n1"), NetworkSpec(name="empty")),
        clusters=(ClusterSpec(name="a", network="n1"),),
    )
    assert [network.name for network in draw(topology).networks] == ["n1", "empty"]


def test_long_names_widen_their_cards() -> None:
    name = "a" * 40
    topology = Topology(
        name="t",
        title="T",
        networks=(NetworkSpec(name="n1"),),
        clusters=(ClusterSpec(name=name, network="n1"),),
    )
    assert card(draw(topology), name).width > 400


def test_the_running_version_is_written_in() -> None:
    running = ClusterRecord(name="cluster1", network="network1", kubernetes="v1.34.4")
    drawing = draw(BY_NAME["single-cluster"], (running,))
    assert card(drawing, "cluster1").content.lines[0] == "Kubernetes v1.34.4 · 1 node"
