"""The topology as a drawing: networks in rows, clusters and machines in them, what joins them.

Pure geometry: boxes and lines in pixels of the drawing's own space; the template turns them into
SVG. Above each row of networks are lanes for arrows from who is configured to who configures,
below it is the line that joins gateways; both go on to other rows along the sides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import wrap

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from harness.model import Topology, plan_networks, structure
from harness.reporting.page.drawing_cards import Content, captions, contents
from harness.reporting.record import ClusterRecord

_WIDEST = 1120
_MARGIN, _GAP, _PADDING, _TITLE, _FRAME = 12, 18, 18, 34, 10
_NETWORK_GAP, _LANE, _BUS, _TRUNK = 36, 14, 30, 10
_CARD, _MACHINE, _HEADING = 236, 168, 42
_CHIP, _LINE, _GATE = 32, 18, 46
_CAPTION, _LEAST = 20, 480
#: What a character is wide at most on average, in pixels: in headings, on chips, in small print.
_BOLD, _PLAIN, _SMALL = 8.2, 7.2, 6.4


@dataclass(frozen=True, slots=True)
class Card:
    """A cluster or a machine; the y of its parts follow from how many there are."""

    content: Content
    x: int
    y: int
    width: int
    height: int

    @property
    def middle(self) -> int:
        """The x of its centre."""
        return self.x + self.width // 2

    @property
    def bottom(self) -> int:
        """The y of its lower edge."""
        return self.y + self.height

    @property
    def facts(self) -> int:
        """The y of the first line in small print."""
        return self.y + _HEADING + _CHIP * len(self.content.control) + 14

    def gate(self, index: int) -> int:
        """Return the y of a gateway's box; they stand at the bottom."""
        return self.bottom - _GATE * (len(self.content.gateways) - index)


@dataclass(frozen=True, slots=True)
class NetworkBox:
    """A network and the clusters and machines on it."""

    name: str
    cidr: str
    segment: str
    x: int
    y: int
    width: int
    height: int
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What is drawn around networks that route to each other."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Line:
    """A line of horizontal and vertical parts."""

    points: tuple[tuple[int, int], ...]

    @property
    def path(self) -> str:
        """The line as the data of an SVG path."""
        return "M" + "L".join(f"{x} {y}" for x, y in self.points)


@dataclass(frozen=True, slots=True)
class Caption:
    """A line of text below everything."""

    text: str
    y: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw: ``links`` are arrows, ``wires`` join what uses gateways."""

    width: int
    height: int
    networks: tuple[NetworkBox, ...]
    frames: tuple[Frame, ...]
    links: tuple[Line, ...]
    wires: tuple[Line, ...]
    captions: tuple[Caption, ...]

    @property
    def cards(self) -> tuple[Card, ...]:
        """Every cluster and machine."""
        return tuple(card for network in self.networks for card in network.cards)


def draw(topology: Topology, clusters: Sequence[ClusterRecord] = ()) -> Drawing:
    """Lay ``topology`` out; what was read from the running ``clusters`` is written in."""
    running = {cluster.name: cluster.kubernetes for cluster in clusters}
    rows = _placed(topology, _wrapped(_networks(topology, contents(topology, running))))
    networks = tuple(network for row in rows for network in row.networks)
    links = tuple(_links(topology, rows))
    wires = tuple(_wires(topology, rows))
    right = max(network.x + network.width for network in networks) + _side(topology, rows)
    told = list(captions(topology))
    width = max(right + _MARGIN, _LEAST if told else 0)
    texts = [line for text in told for line in wrap(text, int((width - 2 * _MARGIN) / _SMALL))]
    bottom = rows[-1].bus + (_BUS // 2 if wires else 0)
    notes = tuple(
        Caption(text, bottom + _CAPTION * index) for index, text in enumerate(texts, start=1)
    )
    return Drawing(
        width=width,
        height=bottom + _CAPTION * len(texts) + _MARGIN,
        networks=networks,
        frames=tuple(_frames(networks)),
        links=links,
        wires=wires,
        captions=notes,
    )


def svg(topology: Topology) -> str:
    """Return the drawing of ``topology`` as a file of its own."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = templates.get_template("drawing_file.svg.j2")
    return template.render(drawing=draw(topology), title=topology.name) + "\n"


@dataclass(frozen=True, slots=True)
class _Row:
    """Networks side by side: ``lanes`` is the y of the topmost lane, ``bus`` that of the wire."""

    networks: tuple[NetworkBox, ...]
    lanes: int
    bus: int

    def cards(self) -> dict[str, Card]:
        return {card.content.name: card for box in self.networks for card in box.cards}


def _networks(topology: Topology, cards: Sequence[Content]) -> list[list[NetworkBox]]:
    """Return a box for each network at the origin, those of one segment together."""
    width = max(_CARD, *(_width(card) for card in cards if card.kind != "machine"))
    height = max(_height(card) for card in cards)
    groups: dict[str, list[NetworkBox]] = {}
    for network in plan_networks(topology).networks:
        inside: list[Card] = []
        left = _PADDING
        for content in (card for card in cards if card.network == network.name):
            machine = content.kind == "machine"
            wide = max(_MACHINE, _width(content)) if machine else width
            tall = _height(content) if machine else height
            inside.append(Card(content, left, _TITLE, wide, tall))
            left += wide + _GAP
        heading = int(_BOLD * len(f"{network.name}    {network.cidr}")) + 2 * _PADDING
        box = NetworkBox(
            name=network.name,
            cidr=network.cidr,
            segment=network.segment,
            x=0,
            y=0,
            width=max(left - _GAP + _PADDING, heading),
            height=_TITLE + height + _PADDING,
            cards=tuple(inside),
        )
        groups.setdefault(network.segment, []).append(box)
    return list(groups.values())


def _width(card: Content) -> int:
    widths = [
        _BOLD * len(f"{card.name}   ") + _SMALL * len(card.note) + 10,
        *(_PLAIN * len(text) for text in card.control),
        *(_SMALL * len(text) for text in card.lines),
        *(_PLAIN * len(text) for gateway in card.gateways for text in gateway),
    ]
    return 36 + int(max(widths))


def _height(card: Content) -> int:
    lines = _HEADING + _CHIP * len(card.control) + _LINE * len(card.lines)
    return lines + 8 + _GATE * len(card.gateways)


def _wrapped(groups: Sequence[Sequence[NetworkBox]]) -> list[list[NetworkBox]]:
    rows: list[list[NetworkBox]] = [[]]
    for group in groups:
        used = sum(box.width + _NETWORK_GAP for box in [*rows[-1], *group])
        if rows[-1] and used > _WIDEST:
            rows.append([])
        rows[-1].extend(group)
    return rows


def _placed(topology: Topology, rows: Sequence[Sequence[NetworkBox]]) -> list[_Row]:
    lanes = len({plane.name for plane, _ in _arrows(topology)}) * _LANE
    first = _MARGIN + (_TRUNK + _MARGIN if len(rows) > 1 else _FRAME)
    top = _MARGIN
    found = []
    for row in rows:
        left, boxes = first, []
        for box in row:
            boxes.append(_moved(box, left, top + lanes + _FRAME))
            left += box.width + _NETWORK_GAP
        bottom = boxes[0].y + boxes[0].height + _FRAME
        bus = bottom + (_BUS // 2 if _joined(topology) else 0)
        found.append(_Row(tuple(boxes), top + _LANE // 2, bus))
        top = bus + _BUS // 2
    return found


def _moved(box: NetworkBox, x: int, y: int) -> NetworkBox:
    cards = tuple(replace(card, x=card.x + x, y=card.y + y) for card in box.cards)
    return replace(box, x=x, y=y, cards=cards)


def _frames(networks: Sequence[NetworkBox]) -> Iterator[Frame]:
    for segment in {box.segment: None for box in networks}:
        inside = [box for box in networks if box.segment == segment]
        if len(inside) > 1:
            x, y = inside[0].x - _FRAME, inside[0].y - _FRAME
            width = inside[-1].x + inside[-1].width + _FRAME - x
            yield Frame(x, y, width, inside[0].height + 2 * _FRAME)


def _arrows(topology: Topology) -> list[tuple[structure.ControlPlane, str]]:
    """Return which control plane is used from elsewhere, and by which cluster or machine."""
    found = []
    for plane in structure.control_planes(topology):
        found += [(plane, name) for name in plane.serves if name != plane.cluster]
        found += [(plane, each.name) for each in topology.machines if each.cluster in plane.serves]
    return found


def _links(topology: Topology, rows: Sequence[_Row]) -> Iterator[Line]:
    used = {plane.name: None for plane, _ in _arrows(topology)}
    order = {name: index for index, name in enumerate(used)}
    edge = max(box.x + box.width for row in rows for box in row.networks)
    for plane, name in _arrows(topology):
        lane = order[plane.name]
        start, start_row = _find(rows, name)
        end, end_row = _find(rows, plane.cluster)
        here, there = start_row.lanes + _LANE * lane, end_row.lanes + _LANE * lane
        out, back = start.middle + 12 + 6 * lane, end.middle - 6 * lane
        side = edge + _FRAME + _TRUNK * (lane + 1)
        way = [] if start_row is end_row else [(side, here), (side, there)]
        yield Line(((out, start.y), (out, here), *way, (back, there), (back, end.y)))


def _side(topology: Topology, rows: Sequence[_Row]) -> int:
    lanes = len({plane.name for plane, _ in _arrows(topology)})
    return _FRAME + (_TRUNK * lanes if len(rows) > 1 else 0)


def _find(rows: Sequence[_Row], name: str) -> tuple[Card, _Row]:
    return next((row.cards()[name], row) for row in rows if name in row.cards())


def _joined(topology: Topology) -> set[str]:
    """Return the clusters and machines that a gateway between networks joins."""
    ways_in = [each for each in structure.gateways(topology) if "services" in each.exposes]
    far = [m.name for m in topology.machines if m.network != topology.cluster(m.cluster).network]
    found = {each.cluster for each in ways_in} | {*far}
    return found if ways_in and len(topology.networks) > 1 else set()


def _wires(topology: Topology, rows: Sequence[_Row]) -> Iterator[Line]:
    joined = _joined(topology)
    buses = []
    for row in rows:
        ends = [card for card in row.cards().values() if card.content.name in joined]
        yield from (Line(((end.middle, end.bottom), (end.middle, row.bus))) for end in ends)
        if ends:
            buses.append((row.bus, sorted(end.middle for end in ends)))
    left = _MARGIN if len(buses) > 1 else None
    for bus, middles in buses:
        yield Line(((middles[0] if left is None else left, bus), (middles[-1], bus)))
    if left is not None:
        yield Line(((left, buses[0][0]), (left, buses[-1][0])))
