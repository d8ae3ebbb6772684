"""A topology as text: networks as boxes with what is in them, and in words who reads whom.

``python -m harness.reporting.sketch FILE...`` draws anew what the head comments of topologies show.
"""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from textwrap import wrap

from harness import files
from harness.model import ClusterSpec, NetworkSpec, Topology, plan_networks, structure
from harness.model.structure import ControlPlane, Gateway
from harness.model.topology import MachineSpec

#: No line of a sketch is longer: with "# " before it, it fits into the files' 100 columns.
WIDTH = 98
#: What stands in a file where a sketch is to be; later, the sketch itself.
PLACE = "#DRAWING"
_DRAWN = re.compile(rf"^(?:{PLACE}|# \+-- .*?)$(?=\n(?!#))", re.MULTILINE | re.DOTALL)
_GAP = 3


def sketch(topology: Topology) -> str:
    """Draw ``topology`` in ASCII: boxes side by side where they fit, then what joins them."""
    boxes = [_Box(topology.segment(each.name), _box(topology, each)) for each in topology.networks]
    rows = ["\n".join(_beside(row)) for row in _rows(boxes)]
    words = [*_arrows(topology), *_sentences(topology)]
    return "\n\n".join(["\n".join(rows), "\n".join(words)])


def commented(topology: Topology) -> str:
    """Return the sketch as the lines of a comment."""
    return "\n".join(f"# {line}".rstrip() for line in sketch(topology).splitlines())


def redraw(path: Path) -> bool:
    """Put the sketch into a file where an older one or ``#DRAWING`` is; say whether there was."""
    topology = files.load_topology(path)
    text = path.read_text(encoding="utf-8")
    drawn, count = _DRAWN.subn(lambda _: commented(topology), text, count=1)
    if drawn != text:
        path.write_text(drawn, encoding="utf-8")
    return count > 0


@dataclass(frozen=True, slots=True)
class _Box:
    segment: str
    lines: Sequence[str]

    @property
    def width(self) -> int:
        return len(self.lines[0])

    def line(self, number: int) -> str:
        return self.lines[number] if number < len(self.lines) else " " * self.width


def _rows(boxes: Iterable[_Box]) -> list[list[_Box]]:
    rows: list[list[_Box]] = []
    for box in boxes:
        used = sum(each.width + _GAP for each in rows[-1]) if rows else WIDTH
        if used + box.width > WIDTH:
            rows.append([])
        rows[-1].append(box)
    return rows


def _beside(boxes: Sequence[_Box]) -> Iterator[str]:
    """Yield the lines of boxes side by side; a ``===`` joins those that route to each other."""
    for number in range(max(len(box.lines) for box in boxes)):
        line = boxes[0].line(number)
        for left, right in pairwise(boxes):
            routed = number == 1 and left.segment == right.segment
            line += ("=" if routed else " ") * _GAP + right.line(number)
        yield line.rstrip()


def _box(topology: Topology, network: NetworkSpec) -> list[str]:
    title = f"+-- {network.name} "
    if network.segment and len(title) + len(network.segment) < WIDTH // 2:
        title += f"(segment {network.segment}) "
    blocks = [
        *(_cluster(topology, each) for each in topology.clusters if each.network == network.name),
        *(_machine(each) for each in topology.machines if each.network == network.name),
    ]
    lines = [line for block in blocks or [["nothing is here"]] for line in ["", *block]][1:]
    inside = [part for line in lines for part in _fitting(line)]
    width = max(len(title) + 2, *(len(line) + 4 for line in inside))
    return [
        f"{title.ljust(width - 1, '-')}+",
        *(f"| {line.ljust(width - 4)} |" for line in inside),
        f"+{'-' * (width - 2)}+",
    ]


def _fitting(line: str) -> list[str]:
    """Return a line of a box in as many lines as it takes, each narrow enough and ASCII."""
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    return wrap(_ascii(line), WIDTH - 4, subsequent_indent=indent) or [""]


def _ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _cluster(topology: Topology, cluster: ClusterSpec) -> list[str]:
    several = len(structure.meshes(topology)) > 1 and cluster.mesh
    kind = ", ".join([str(cluster.role), *([f"mesh {cluster.mesh}"] if several else [])])
    here = [each for each in structure.control_planes(topology) if each.cluster == cluster.name]
    ways_in = structure.gateways_of(topology, cluster.name)
    lines = [
        *_places(cluster),
        *_unusual(cluster),
        *(line for each in here for line in _istiod(topology, each)),
        *(line for each in ways_in for line in _way_in(each, cluster.network)),
    ]
    return [f"{cluster.name} ({kind})", *(f"  {line}" for line in lines)]


def _places(cluster: ClusterSpec) -> Iterator[str]:
    zones: dict[str, list[str]] = {}
    for node in cluster.nodes:
        zones.setdefault(node.region or cluster.region or "", []).append(node.zone or "")
    for region, known in zones.items():
        if line := "/".join(filter(None, [region, ",".join(filter(None, known))])):
            yield line


def _unusual(cluster: ClusterSpec) -> Iterator[str]:
    if cluster.pods or cluster.services:
        yield f"pods {cluster.pods or 'planned'}"
        yield f"Services {cluster.services or 'planned'}"
    if cluster.domain != "cluster.local":
        yield f"domain {cluster.domain}"
    if cluster.kubernetes:
        yield f"Kubernetes {cluster.kubernetes}"


def _istiod(topology: Topology, plane: ControlPlane) -> Iterator[str]:
    name = "" if plane.name == plane.cluster else f" {plane.name}"
    yield f"[istiod{name}]" + (f" x{plane.replicas}" if plane.replicas > 1 else "")
    own = structure.mesh(topology, plane.mesh)
    foreign = topology.cluster(plane.cluster).mesh not in (None, plane.mesh)
    facts = {
        "revision": plane.revision,
        "namespace": plane.namespace if plane.namespace != structure.SYSTEM else "",
        "root namespace": plane.root_namespace if plane.root_namespace != plane.namespace else "",
        "mesh": plane.mesh if foreign else "",
        "trust domain": plane.trust_domain if plane.trust_domain != own.trust_domain else "",
        "version": plane.version,
    }
    yield from (f"  {label} {value}" for label, value in facts.items() if value)


def _way_in(gateway: Gateway, home: str) -> Iterator[str]:
    yield f"({gateway.name}:{gateway.port})"
    labels = ",".join(f"{key}={value}" for key, value in sorted(gateway.labels.items()))
    facts = {
        "exposes": " and ".join(sorted(gateway.exposes, reverse=True)),
        "namespace": gateway.namespace if gateway.namespace != structure.SYSTEM else "",
        "labels": "" if gateway.class_name or labels == "istio=eastwestgateway" else labels,
        "class": gateway.class_name,
        "into": gateway.network if gateway.network != home else "",
        "type": gateway.type if gateway.type != "LoadBalancer" else "",
        "address": gateway.address if gateway.address != "ip" else "",
        "seen": ", ".join(f"from {net}: {which}" for net, which in gateway.seen_from.items()),
        "hosts": ", ".join(gateway.hosts) if gateway.hosts != ("*.local",) else "",
        "pods": str(gateway.replicas) if gateway.replicas != 1 else "",
    }
    yield from (f"  {label} {value}" for label, value in facts.items() if value)


def _machine(machine: MachineSpec) -> list[str]:
    group = f"  group {machine.group}" if machine.group else ""
    account = f"  namespace {machine.namespace}, account {machine.account}"
    unusual = (machine.namespace, machine.account) != ("vm", "vm")
    lines = [f"{machine.name} (machine)", group, account if unusual else ""]
    return [line for line in lines if line]


def _arrows(topology: Topology) -> Iterator[str]:
    """Yield who does what to whom, in columns; lines that are too long go on below."""
    found = [*_by_control_planes(topology), *_by_members(topology), *_by_meshes(topology)]
    whos = max(len(who) for who, *_ in found)
    verbs = max(len(verb) for _, verb, _ in found)
    for who, verb, whom in found:
        start = f"{who:<{whos}}  -- {verb} {'-' * (verbs - len(verb))}-->  "
        indent = " " * min(len(start), WIDTH // 2)
        yield from wrap(_ascii(f"{start}{', '.join(whom)}"), WIDTH, subsequent_indent=indent)


Arrow = tuple[str, str, Sequence[str]]


def _by_control_planes(topology: Topology) -> Iterator[Arrow]:
    for plane in structure.control_planes(topology):
        who = f"istiod {plane.name}"
        labels = ",".join(f"{key}={value}" for key, value in sorted(plane.namespaces.items()))
        some = f" (namespaces {labels})" if labels else ""
        yield who, "configures", [f"{name}{some}" for name in plane.serves]
        watched = [plane.config_cluster, *plane.reads]
        if others := [name for name in watched if name != plane.cluster]:
            yield who, "watches 6443", [_watched(plane, name) for name in others]


def _watched(plane: ControlPlane, name: str) -> str:
    return f"{name} (configuration)" if name == plane.config_cluster else name


def _by_members(topology: Topology) -> Iterator[Arrow]:
    strange: dict[str, list[str]] = {}
    for source, target, relation in structure.relations(topology):
        if relation.same_mesh and not relation.linked:
            strange.setdefault(source, []).append(target)
    yield from ((source, "knows no pod of", targets) for source, targets in strange.items())
    yield from ((each.name, "works for", [each.cluster]) for each in topology.machines)


def _by_meshes(topology: Topology) -> Iterator[Arrow]:
    everyone = {each.id for each in topology.meshes}
    for mesh in topology.meshes:
        if mesh.trusts:
            yield f"mesh {mesh.id}", "trusts", mesh.trusts
        for export in mesh.exports:
            to = export.to or sorted(everyone - {mesh.id})
            yield f"mesh {mesh.id}", f"offers {export.host}", to


def _sentences(topology: Topology) -> Iterator[str]:
    lines: list[str] = []
    segments: dict[str, list[str]] = {}
    for network in topology.networks:
        segments.setdefault(topology.segment(network.name), []).append(network.name)
        inside = [each.name for each in structure.members(topology) if each.network == network.name]
        if len(inside) > 1:
            lines.append(f"On {network.name} {_and(inside)} reach each other directly.")
    lines += [
        f"{_and(names)} route to each other: a direct path is there."
        for names in segments.values()
        if len(names) > 1
    ]
    if len(segments) > 1:
        lines.append(_crossings(topology))
    for line in lines:
        yield from wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)


def _crossings(topology: Topology) -> str:
    ports: dict[str, set[int]] = {"api-server": set(), "gateway": set()}
    for crossing in plan_networks(topology).crossings:
        ports[crossing.purpose].update(crossing.ports)
    listed = {purpose: ", ".join(map(str, sorted(known))) for purpose, known in ports.items()}
    return (
        f"From network to network only API servers ({listed['api-server']}) and gateway addresses "
        f"({listed['gateway']}) are reached, never a pod."
    )


def _and(names: Sequence[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


if __name__ == "__main__":
    for name in sys.argv[1:]:
        if not redraw(Path(name)):
            sys.stderr.write(f"{name}: holds neither a sketch nor {PLACE}; left as it is\n")
