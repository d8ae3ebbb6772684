"""Which checks run, how often, in which order, and which of them have nothing to judge here."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness.meshes.base import Mesh, offers
from harness.model import (
    Catalogue,
    Condition,
    Level,
    PairKind,
    Relation,
    Requirement,
    Topology,
    Verdict,
    structure,
)
from harness.model.needs import NEEDS, Offerer, offered_by
from harness.model.topology import DataPlane
from harness.providers.base import CAPABILITIES, Provider
from harness.session.asked import Options
from harness.session.check import CHECK, Aim, Check, Gate, Pair
from harness.session.marks import Citation, citations

#: What stands for a subject in the id of a check that has none on its topology.
NOBODY = {
    "cluster": "no-such-cluster",
    "control_plane": "no-such-control-plane",
    "machine": "no-machine",
    "network": "no-such-network",
    "pair": "no-other-cluster",
}

#: How a check looks at pairs: at one; at all with one target, or with one source, at once.
_PAIR, _TO_ONE, _FROM_ONE = ("source", "target"), ("sources", "target"), ("source", "targets")
_ENDS = ("source", "sources", "target", "targets")
_SINGLES = ("cluster", "control_plane", "machine", "network")
_BINDING = {level: rank for rank, level in enumerate(Level)}
_OF_SIDECARS = "its checks look at sidecars; what is promised of ambient meshes alone is judged"


@dataclass(frozen=True, slots=True)
class Grounds:
    """On what checks run, as far as needs are concerned."""

    provider: Provider
    mesh: Mesh


# Repeating


def parametrise(metafunc: pytest.Metafunc, options: Options) -> None:
    """Repeat a check for each subject that it asks for, on each topology.

    Subjects are clusters, ordered pairs of clusters (one by one, or all with one end at once),
    networks, machines and control planes; what no cited requirement is about is left out.
    """
    asked = metafunc.fixturenames
    marks = list(metafunc.definition.iter_markers("requirement"))
    if "topology" not in asked and not marks:
        return
    if options.several and "topology" not in asked:
        metafunc.fixturenames.append("topology")
    names = [str(name) for mark in marks for name in mark.args]
    cited = [found for name in names if (found := options.catalogue.get(name))]
    rungs = [name for name in (*_SINGLES, *_ENDS) if name in asked]
    arguments = ["topology", *rungs] if options.several else rungs
    if not arguments:
        return
    rows = [
        row
        for each in options.topologies
        for row in _rows(each, rungs, cited, named=options.several)
    ]
    values = [[row.values[name] for name in arguments] for row in rows]
    metafunc.parametrize(
        arguments, values, ids=[row.id for row in rows], indirect=True, scope="session"
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """Values of fixtures by name, and what a check's id says of them."""

    values: Mapping[str, str | tuple[str, ...] | None]
    id: str


def _rows(
    topology: Topology, rungs: Sequence[str], cited: Sequence[Requirement], *, named: bool
) -> Iterator[_Row]:
    for combination in product(*_axes(topology, rungs, cited)):
        values: dict[str, str | tuple[str, ...] | None] = {"topology": topology.name}
        for row in combination:
            values.update(row.values)
        parts = [topology.name] if named else []
        yield _Row(values, "-".join([*parts, *(row.id for row in combination)]))


def _axes(
    topology: Topology, rungs: Sequence[str], cited: Sequence[Requirement]
) -> Iterator[list[_Row]]:
    pairs = [
        (one, other)
        for one, other, relation in structure.relations(topology)
        if _about(cited, relation)
    ]
    for ends, rows_of in ((_PAIR, _rows_of_pairs), (_TO_ONE, _to_one), (_FROM_ONE, _from_one)):
        if {*ends} <= {*rungs}:
            yield rows_of(pairs) or [_Row(dict.fromkeys(ends), NOBODY["pair"])]
            rungs = [name for name in rungs if name not in ends]
    for rung in rungs:
        names = _subjects(rung, topology, cited)
        yield [_Row({rung: name}, name) for name in names] or [_Row({rung: None}, NOBODY[rung])]


def _rows_of_pairs(pairs: Sequence[Pair]) -> list[_Row]:
    return [_Row({"source": one, "target": other}, f"{one}->{other}") for one, other in pairs]


def _to_one(pairs: Sequence[Pair]) -> list[_Row]:
    found = _by_end(pairs, 1).items()
    return [_Row({"sources": names, "target": it}, f"all->{it}") for it, names in found]


def _from_one(pairs: Sequence[Pair]) -> list[_Row]:
    found = _by_end(pairs, 0).items()
    return [_Row({"source": it, "targets": names}, f"{it}->all") for it, names in found]


def _by_end(pairs: Sequence[Pair], end: int) -> dict[str, tuple[str, ...]]:
    """Return the other ends of pairs by the cluster at ``end``: 0 the source, 1 the target."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        found[pair[end]] = (*found.get(pair[end], ()), pair[1 - end])
    return found


def _about(cited: Sequence[Requirement], relation: Relation) -> bool:
    if not cited:
        return PairKind.LINKED.holds(relation)
    return any(each.about(relation) for each in cited)


def _subjects(rung: str, topology: Topology, cited: Sequence[Requirement]) -> list[str]:
    """Return the names that a fixture (a pair's end: any cluster) takes one after the other."""
    known: dict[str, list[tuple[str, list[bool]]]] = {
        "control_plane": [
            (plane.name, [each.control_planes.holds(plane) for each in cited])
            for plane in structure.control_planes(topology)
        ],
        "machine": [
            (
                machine.name,
                [bool(each.machines and each.machines.holds(topology, machine)) for each in cited],
            )
            for machine in topology.machines
        ],
        "network": [
            (network.name, [each.networks.holds(topology, network.name) for each in cited])
            for network in topology.networks
        ],
    }
    members = [
        (cluster.name, [each.clusters.holds(topology, cluster) for each in cited])
        for cluster in topology.members
    ]
    return [name for name, held in known.get(rung, members) if any(held) or not cited]


# Gates


def examine(item: pytest.Item, options: Options, grounds: Grounds) -> Check | None:
    """Say what ``item`` is about and what keeps it from running; ``None`` if it is no check."""
    requirements = tuple(
        str(name) for mark in item.iter_markers("requirement") for name in mark.args
    )
    if not requirements:
        return None
    params = getattr(item, "callspec", None)
    values: Mapping[str, Any] = params.params if params else {}
    name = topology_of(item, options)
    topology = next(each for each in options.topologies if each.name == name)
    subject = _subject(topology, values)
    return Check(
        requirements=requirements,
        topology=topology.name,
        gates=_gates(requirements, topology, options, grounds, subject),
        disturbs=item.get_closest_marker("disturbs") is not None,
        relations=subject.relations,
    )


def topology_of(item: pytest.Item, options: Options) -> str:
    """Return the name of the topology that ``item`` is run for."""
    params = getattr(item, "callspec", None)
    name: str = (params.params if params else {}).get("topology", options.topologies[0].name)
    return name


def labs(items: Iterable[pytest.Item], options: Options) -> dict[str, str]:
    """Return the topologies whose labs ``items`` may ask for, by the ids of these."""
    return {
        item.nodeid: topology_of(item, options)
        for item in items
        if (check := item.stash.get(CHECK, None)) is None or check.runs
    }


@dataclass(frozen=True, slots=True)
class _Subject:
    """What one run of a check looks at: pairs of clusters, or which subject it lacks."""

    relations: Mapping[Pair, Relation] = field(default_factory=dict)
    lacks: str = ""


def _subject(topology: Topology, values: Mapping[str, Any]) -> _Subject:
    lacking = [name for name in (*_SINGLES, *_ENDS) if name in values and values[name] is None]
    if lacking:
        return _Subject(lacks="pair" if lacking[0] in _ENDS else lacking[0])
    pairs = product(_clusters(values, "sources", "source"), _clusters(values, "targets", "target"))
    return _Subject({pair: structure.relation(topology, *pair) for pair in pairs})


def _clusters(values: Mapping[str, Any], several: str, one: str) -> Sequence[str]:
    return values.get(several) or ([values[one]] if one in values else [])


def _gates(
    requirements: Iterable[str],
    topology: Topology,
    options: Options,
    grounds: Grounds,
    subject: _Subject,
) -> dict[str, Gate]:
    found = {each: options.catalogue.get(each) for each in requirements}
    judged = {name: _gate(each, topology, grounds, subject) for name, each in found.items()}
    return {name: gate for name, gate in judged.items() if gate}


def _gate(
    requirement: Requirement | None, topology: Topology, grounds: Grounds, subject: _Subject
) -> Gate | None:
    if requirement is None:
        return Gate(Verdict.UNKNOWN, "the catalogue does not know this requirement")
    if reason := requirement.excluded(topology) or _foreign(requirement, topology, subject):
        return Gate(Verdict.NOT_APPLICABLE, reason)
    if topology.data_plane is DataPlane.AMBIENT and not requirement.names(Condition.AMBIENT):
        return Gate(Verdict.NOT_RUN, _OF_SIDECARS)
    missing = [need for need in requirement.needs if not _offered(need, topology, grounds)]
    if missing:
        offerers = ", ".join(dict.fromkeys(_named(need, topology, grounds) for need in missing))
        return Gate(Verdict.NOT_RUN, f"{', '.join(missing)}: not offered by {offerers}")
    return None


def _foreign(requirement: Requirement, topology: Topology, subject: _Subject) -> str:
    if subject.lacks:
        what = {"pair": "other cluster"}.get(subject.lacks, subject.lacks.replace("_", " "))
        return f"topology {topology.name} has no {what} that this is about"
    kinds = set(subject.relations.values())
    if kinds and not any(map(requirement.about, kinds)):
        return f"not about pairs on or of {' or '.join(sorted(map(str, kinds)))}"
    return ""


def _offered(need: str, topology: Topology, grounds: Grounds) -> bool:
    entry = NEEDS[need]
    if entry.offerer is Offerer.PROVIDER:
        return isinstance(grounds.provider, CAPABILITIES[need])
    if entry.offerer is Offerer.MESH:
        return need in offers(grounds.mesh, topology)
    if entry.offerer is Offerer.TOPOLOGY:
        return need in topology.declares
    return need in offered_by(Offerer.HARNESS)


def _named(need: str, topology: Topology, grounds: Grounds) -> str:
    offerer = NEEDS[need].offerer
    names = {
        Offerer.PROVIDER: f"provider {grounds.provider.name}",
        Offerer.MESH: f"mesh {grounds.mesh.name}",
        Offerer.TOPOLOGY: f"topology {topology.name}",
    }
    return names.get(offerer, "the harness so far")


# Choosing and ordering


def wanted(check: Check, options: Options) -> bool:
    """Say whether the run's level asks for any of the check's requirements."""
    return any(
        options.catalogue.get(name) is None or _asked(name, options) for name in check.requirements
    )


def left_out(
    known: Iterable[pytest.Item],
    items: Iterable[pytest.Item],
    files: Iterable[Path],
    options: Options,
    grounds: Grounds,
) -> Iterator[tuple[str, Check]]:
    """Yield what the run's level asks for and the run has not selected: ids and checks.

    ``known`` are the checks that collection has seen, ``items`` those that are left of them;
    in ``files`` (test files, collected or not) checks are found by their marks alone.
    """
    known = list(known)
    selected = {item.nodeid for item in items}
    missing = [
        (item.nodeid, check)
        for item in known
        if item.nodeid not in selected and (check := examine(item, options, grounds))
    ]
    seen = {_place(item) for item in known}
    for each in (cited for file in files for cited in citations(file)):
        if (each.path, each.names) not in seen:
            missing.extend(_uncollected(each, options, grounds))
    for nodeid, check in missing:
        asked = tuple(name for name in check.requirements if _asked(name, options))
        if asked:
            yield nodeid, replace(check, requirements=asked)


def _place(item: pytest.Item) -> tuple[Path, tuple[str, ...]]:
    classes = [node.name for node in item.listchain() if isinstance(node, pytest.Class)]
    return item.path.resolve(), (*classes, getattr(item, "originalname", None) or item.name)


def _asked(name: str, options: Options) -> bool:
    found = options.catalogue.get(name)
    return found is not None and _BINDING[found.level] <= _BINDING[options.level]


def _uncollected(
    cited: Citation, options: Options, grounds: Grounds
) -> Iterator[tuple[str, Check]]:
    for topology in options.topologies:
        alone = cited.pairs and len(topology.members) == 1
        subject = _Subject(lacks="pair" if alone else "")
        gates = _gates(cited.requirements, topology, options, grounds, subject)
        row = f"[{topology.name}]" if options.several else ""
        nodeid = "::".join([_shown(cited.path, options.root), *cited.names]) + row
        yield nodeid, Check(cited.requirements, topology.name, gates)


def _shown(path: Path, root: Path) -> str:
    inside = path.is_relative_to(root)
    return path.relative_to(root).as_posix() if inside else str(path)


def unknown(items: Iterable[pytest.Item], catalogue: Catalogue) -> list[str]:
    """Name the checks that cite, in ways only seen now, what the catalogue does not know."""
    return [
        f"{item.nodeid}: requirement {name!r} is not in the catalogue"
        for item in items
        if (check := item.stash.get(CHECK, None))
        for name in check.requirements
        if catalogue.get(name) is None
    ]


def ordered(items: Iterable[pytest.Item], options: Options) -> list[pytest.Item]:
    """Return ``items`` by topology; preconditions first, what disturbs others last. Stable."""
    positions = {each.name: index for index, each in enumerate(options.topologies)}
    preconditions = options.catalogue.preconditions

    def place(item: pytest.Item) -> tuple[int, int]:
        check = item.stash.get(CHECK, None)
        if check is None:
            return (-1, 0)
        first = any(name in preconditions for name in check.requirements)
        return (positions[check.topology], 0 if first else 1 + check.disturbs)

    return sorted(items, key=place)


def proving(items: list[pytest.Item], known: list[pytest.Item], options: Options) -> None:
    """Give each check its sabotages once per kind: to the first parameter set that runs.

    ``known`` are all checks, selected or not: what one of them implements is not missing.
    """
    topologies = {each.name: each for each in options.topologies}
    written = _written(known)
    aimed: set[tuple[str, Hashable]] = set()
    told: set[tuple[str, str]] = set()
    for item in items:
        check = item.stash.get(CHECK, None)
        if check is None or not check.runs:
            continue
        kind = (item.nodeid.partition("[")[0], kind_of(check))
        if kind not in aimed:
            aimed.add(kind)
            own = topologies[check.topology]
            missing = {*_unwritten(check, own, written, options)} - told
            told |= missing
            names = tuple(sorted(name for _, name in missing))
            item.stash[CHECK] = replace(check, aims=tuple(_aims(item, check, own)), missing=names)


def kind_of(check: Check) -> Hashable:
    """Return what parameter sets have in common that prove the same thing: one of each is tried."""
    return check.topology, frozenset(check.relations.values())


def _aims(item: pytest.Item, check: Check, topology: Topology) -> Iterator[Aim]:
    """Yield the sabotages that fit, once for each kind of pair that the check looks at."""
    first: dict[Relation, Pair] = {}
    for pair, relation in check.relations.items():
        first.setdefault(relation, pair)
    # Marks come innermost first; they are tried in the order in which they are written.
    for mark in reversed(list(item.iter_markers("sabotage"))):
        on, breaks = mark.kwargs.get("on"), mark.kwargs.get("breaks", "")
        if not first and fits(on, topology, None):
            yield from (Aim(each, breaks) for each in mark.args)
        for relation, pair in first.items():
            if fits(on, topology, relation):
                yield from (Aim(each, breaks, pair) for each in mark.args)


def _written(items: Iterable[pytest.Item]) -> dict[str, set[str]]:
    """Return the names of the sabotages that checks of each requirement implement."""
    found: dict[str, set[str]] = {}
    for item in items:
        names = {
            getattr(each, "__name__", str(each)).replace("_", "-")
            for mark in item.iter_markers("sabotage")
            for each in mark.args
        }
        for mark in item.iter_markers("requirement"):
            for requirement in mark.args:
                found.setdefault(requirement, set()).update(names)
    return found


def _unwritten(
    check: Check, topology: Topology, written: Mapping[str, Set[str]], options: Options
) -> Iterator[tuple[str, str]]:
    """Yield the sabotages that fit here and that nobody has written, with what they are for."""
    kinds: set[Relation | None] = {*check.relations.values()} or {None}
    for name in check.requirements:
        requirement = options.catalogue.get(name)
        if requirement is None or name in check.gates:
            continue
        for each in requirement.sabotage:
            here = each.possible(topology) and any(
                fits(each.pairs, topology, kind) for kind in kinds
            )
            if here and each.name not in written.get(name, ()):
                yield f"{check.topology} {name}", each.name


def fits(on: str | None, topology: Topology, relation: Relation | None) -> bool:
    """Say whether what breaks something ``on`` a kind of pairs does so for this ``relation``.

    A check that looks at no pair may be broken where the topology has such a pair anywhere.
    """
    if on is None:
        return True
    kind = PairKind(on)
    if relation is not None:
        return kind.holds(relation)
    return any(kind.holds(each) for _, _, each in structure.relations(topology))
