"""The topology as a drawing: networks side by side, clusters in them, what joins them below.

Pure geometry: boxes in pixels of the drawing's own space; the template turns them into SVG.
"""

from dataclasses import dataclass

from harness.model import ClusterPlan, ClusterSpec, Role, Topology, plan_networks, structure
from harness.reporting.record import ClusterRecord

_CLUSTER_WIDTH, _CLUSTER_HEIGHT = 236, 148
_GAP, _PADDING, _TITLE, _MARGIN = 18, 18, 34, 6
_NETWORK_GAP, _BUS = 44, 78


@dataclass(frozen=True, slots=True)
class ClusterBox:
    """A cluster at ``x``, ``y``; ``lines`` are facts in small print, top to bottom."""

    name: str
    primary: bool
    role: str
    control: str
    lines: tuple[str, ...]
    x: int
    y: int
    width: int = _CLUSTER_WIDTH
    height: int = _CLUSTER_HEIGHT

    @property
    def middle(self) -> int:
        """The x of its centre."""
        return self.x + self.width // 2


@dataclass(frozen=True, slots=True)
class NetworkBox:
    """A network and the clusters on it."""

    name: str
    cidr: str
    x: int
    y: int
    width: int
    height: int
    clusters: tuple[ClusterBox, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow from a remote to the cluster whose istiod configures it."""

    x1: int
    y1: int
    x2: int
    y2: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything to draw; ``bus`` is the y of the line that joins networks (0: only one)."""

    width: int
    height: int
    networks: tuple[NetworkBox, ...]
    links: tuple[Link, ...]
    bus: int

    @property
    def gates(self) -> tuple[int, ...]:
        """The x of every east-west gateway, from left to right; none on a single network."""
        clusters = [cluster for network in self.networks for cluster in network.clusters]
        return tuple(cluster.middle for cluster in clusters) if self.bus else ()


def draw(topology: Topology, clusters: tuple[ClusterRecord, ...]) -> Drawing:
    """Lay ``topology`` out; what was read from the running ``clusters`` is written in."""
    plan = plan_networks(topology)
    running = {cluster.name: cluster.kubernetes for cluster in clusters}
    several = len(topology.networks) > 1
    boxes: list[NetworkBox] = []
    left = _MARGIN
    for network in plan.networks:
        members = [spec for spec in topology.clusters if spec.network == network.name]
        inner = tuple(
            _cluster(
                topology,
                spec,
                plan.cluster(spec.name),
                running.get(spec.name, ""),
                _place(left, index),
            )
            for index, spec in enumerate(members)
        )
        box = _network(network.name, network.cidr, left, inner)
        boxes.append(box)
        left = box.x + box.width + _NETWORK_GAP
    bottom = max(box.y + box.height for box in boxes)
    bus = bottom + _BUS // 2 if several else 0
    return Drawing(
        width=left - _NETWORK_GAP + _MARGIN,
        height=bottom + (_BUS if several else 0) + _MARGIN,
        networks=tuple(boxes),
        links=_links(topology, boxes),
        bus=bus,
    )


def _network(name: str, cidr: str, left: int, inner: tuple[ClusterBox, ...]) -> NetworkBox:
    count = max(1, len(inner))
    return NetworkBox(
        name=name,
        cidr=cidr,
        x=left,
        y=_MARGIN,
        width=2 * _PADDING + count * _CLUSTER_WIDTH + (count - 1) * _GAP,
        height=_TITLE + _CLUSTER_HEIGHT + _PADDING,
        clusters=inner,
    )


def _place(left: int, index: int) -> int:
    return left + _PADDING + index * (_CLUSTER_WIDTH + _GAP)


def _cluster(
    topology: Topology, spec: ClusterSpec, plan: ClusterPlan, version: str, x: int
) -> ClusterBox:
    nodes = f"{len(spec.nodes)} node" + ("s" if len(spec.nodes) > 1 else "")
    places = sorted({node.zone for node in spec.nodes if node.zone})
    where = "/".join(filter(None, [spec.region, ",".join(places)]))
    return ClusterBox(
        name=spec.name,
        primary=spec.role is Role.PRIMARY,
        role=spec.role.value,
        control=_control(topology, spec),
        lines=(
            " · ".join(filter(None, [f"Kubernetes {version}" if version else "", nodes])),
            f"API {plan.api_address} · pods {plan.pods}",
            *((where,) if where else ()),
        ),
        x=x,
        y=_MARGIN + _TITLE,
    )


def _control(topology: Topology, spec: ClusterSpec) -> str:
    """Say which istiods run in a cluster, or who configures it."""
    here = [p for p in structure.control_planes(topology) if p.cluster == spec.name]
    if here:
        return "istiod" + (f" ({len(here)})" if len(here) > 1 else "")
    serving = structure.control_planes_of(topology, spec.name)
    return f"configured by {', '.join(plane.cluster for plane in serving)}"


def _links(topology: Topology, boxes: list[NetworkBox]) -> tuple[Link, ...]:
    placed = {cluster.name: cluster for box in boxes for cluster in box.clusters}
    return tuple(
        _link(placed[served], placed[plane.cluster])
        for plane in structure.control_planes(topology)
        for served in plane.serves
        if served != plane.cluster
    )


def _link(one: ClusterBox, other: ClusterBox) -> Link:
    rightward = one.x < other.x
    return Link(
        x1=one.x + (one.width if rightward else 0),
        y1=one.y + 62,
        x2=other.x + (0 if rightward else other.width),
        y2=other.y + 62,
    )
