"""Which checks run, how often, in which order, and which of them have nothing to judge here."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import permutations, product
from pathlib import Path
from typing import Any

import pytest

from harness.model import Catalogue, Level, Requirement, Topology, Verdict
from harness.providers.base import CAPABILITIES, Provider
from harness.session.marks import Citation, citations
from harness.session.run import CHECK, PRECONDITIONS, Aim, Check, Gate, Options

#: What the harness itself can do, wherever it runs (the catalogue's names for needs).
ABILITIES = frozenset(
    {
        "access-log",
        "admin-stats",
        "alien-ca",
        "authz",
        "dns-capture",
        "istiod-restart",
        "istiod-scale",
        "load-generator",
        "locality-labels",
        "mesh-config",
        "plugged-ca",
        "preflight",
        "snapshot",
        "tcp-grpc-probes",
        "uninjected-probe",
        "xfcc-probe",
    }
)
NO_OTHER_CLUSTER = "no-other-cluster"

_LADDER = ("cluster", "source", "target")
_BINDING = {level: rank for rank, level in enumerate(Level)}


# Repeating


def parametrise(metafunc: pytest.Metafunc, topologies: Sequence[Topology]) -> None:
    """Repeat a check for each cluster, or ordered pair of clusters, of each topology."""
    asked = metafunc.fixturenames
    cited = any(metafunc.definition.iter_markers("requirement"))
    if "topology" not in asked and not cited:
        return
    several = len(topologies) > 1
    if several and "topology" not in asked:
        metafunc.fixturenames.append("topology")
    rungs = [name for name in _LADDER if name in asked]
    arguments = ["topology", *rungs] if several else rungs
    if not arguments:
        return
    rows = [row for each in topologies for row in _rows(each, rungs, named=several)]
    values = [[row.values[name] for name in arguments] for row in rows]
    metafunc.parametrize(
        arguments, values, ids=[row.id for row in rows], indirect=True, scope="session"
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """Values of fixtures by name, and what a check's id says of them."""

    values: Mapping[str, str | None]
    id: str


def _rows(topology: Topology, rungs: Sequence[str], *, named: bool) -> Iterator[_Row]:
    for combination in product(*_axes(topology, rungs)):
        values: dict[str, str | None] = {"topology": topology.name}
        for row in combination:
            values.update(row.values)
        parts = [topology.name] if named else []
        yield _Row(values, "-".join([*parts, *(row.id for row in combination)]))


def _axes(topology: Topology, rungs: Sequence[str]) -> Iterator[list[_Row]]:
    names = [cluster.name for cluster in topology.clusters]
    if {"source", "target"} <= {*rungs}:
        pairs = [
            _Row({"source": one, "target": other}, f"{one}->{other}")
            for one, other in permutations(names, 2)
        ]
        yield pairs or [_Row({"source": None, "target": None}, NO_OTHER_CLUSTER)]
        rungs = [name for name in rungs if name == "cluster"]
    for rung in rungs:
        yield [_Row({rung: name}, name) for name in names]


# Gates


def examine(item: pytest.Item, options: Options, provider: Provider) -> Check | None:
    """Say what ``item`` is about and what keeps it from running; ``None`` if it is no check."""
    requirements = tuple(
        str(name) for mark in item.iter_markers("requirement") for name in mark.args
    )
    if not requirements:
        return None
    params = getattr(item, "callspec", None)
    values: Mapping[str, Any] = params.params if params else {}
    name = values.get("topology", options.topologies[0].name)
    topology = next(each for each in options.topologies if each.name == name)
    lonely = "source" in values and values["source"] is None
    gates = _gates(requirements, topology, options, provider, lonely=lonely)
    return Check(
        requirements=requirements,
        topology=topology.name,
        gates=gates,
        disturbs=item.get_closest_marker("disturbs") is not None,
    )


def _gates(
    requirements: Iterable[str],
    topology: Topology,
    options: Options,
    provider: Provider,
    *,
    lonely: bool,
) -> dict[str, Gate]:
    found = {each: options.catalogue.get(each) for each in requirements}
    judged = {name: _gate(each, topology, provider, lonely=lonely) for name, each in found.items()}
    return {name: gate for name, gate in judged.items() if gate}


def _gate(
    requirement: Requirement | None, topology: Topology, provider: Provider, *, lonely: bool
) -> Gate | None:
    if requirement is None:
        return Gate(Verdict.UNKNOWN, "the catalogue does not know this requirement")
    if topology.name not in requirement.topologies:
        return Gate(Verdict.NOT_APPLICABLE, f"not judged on topology {topology.name}")
    if lonely:
        return Gate(Verdict.NOT_APPLICABLE, f"topology {topology.name} has no other cluster")
    missing = [need for need in requirement.needs if not _offered(need, topology, provider)]
    if missing:
        lacks = f"topology {topology.name} and provider {provider.name} do not offer"
        return Gate(Verdict.NOT_RUN, f"{lacks} {', '.join(missing)}")
    return None


def _offered(need: str, topology: Topology, provider: Provider) -> bool:
    capability = CAPABILITIES.get(need)
    if capability is not None:
        return isinstance(provider, capability)
    return need in topology.offers or need in ABILITIES


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
    provider: Provider,
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
        if item.nodeid not in selected and (check := examine(item, options, provider))
    ]
    seen = {_place(item) for item in known}
    for each in (cited for file in files for cited in citations(file)):
        if (each.path, each.names) not in seen:
            missing.extend(_uncollected(each, options, provider))
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
    cited: Citation, options: Options, provider: Provider
) -> Iterator[tuple[str, Check]]:
    for topology in options.topologies:
        lonely = cited.pairs and len(topology.clusters) == 1
        gates = _gates(cited.requirements, topology, options, provider, lonely=lonely)
        row = f"[{topology.name}]" if len(options.topologies) > 1 else ""
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

    def place(item: pytest.Item) -> tuple[int, int]:
        check = item.stash.get(CHECK, None)
        if check is None:
            return (-1, 0)
        first = any(name in PRECONDITIONS for name in check.requirements)
        return (positions[check.topology], 0 if first else 1 + check.disturbs)

    return sorted(items, key=place)


def proving(items: list[pytest.Item], known: list[pytest.Item], options: Options) -> None:
    """Give each check its sabotages once per kind: to the first parameter set that runs.

    ``known`` are all checks, selected or not: what one of them implements is not missing.
    """
    offers = {each.name: each.offers for each in options.topologies}
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
            here = offers[check.topology]
            missing = {*_unwritten(check, here, written, options)} - told
            told |= missing
            names = tuple(sorted(name for _, name in missing))
            item.stash[CHECK] = replace(check, aims=tuple(_aims(item, here)), missing=names)


def kind_of(check: Check) -> Hashable:
    """Return what parameter sets have in common that prove the same thing: one of each is tried."""
    return check.topology


def _aims(item: pytest.Item, offers: Set[str]) -> Iterator[Aim]:
    # Marks come innermost first; they are tried in the order in which they are written.
    for mark in reversed(list(item.iter_markers("sabotage"))):
        if fits(mark.kwargs.get("needs", ""), offers):
            yield from (Aim(each, mark.kwargs.get("breaks", "")) for each in mark.args)


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
    check: Check, offers: Set[str], written: Mapping[str, Set[str]], options: Options
) -> Iterator[tuple[str, str]]:
    """Yield the sabotages that fit here and that nobody has written, with what they are for."""
    for name in check.requirements:
        requirement = options.catalogue.get(name)
        if requirement is None or name in check.gates:
            continue
        for each in requirement.sabotage:
            if each.name not in written.get(name, ()) and fits(each.needs, offers):
                yield f"{check.topology} {name}", each.name


def fits(needs: str, offers: Set[str]) -> bool:
    """Say whether what ``needs`` that breaks anything on a topology with these ``offers``."""
    return not needs or needs in offers
