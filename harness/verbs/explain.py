"""``meshproof explain topology``: what a file declares, what follows, what it is judged by."""

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap

from harness import files
from harness.model import Catalogue, ConfigError, Gateway, Topology, structure
from harness.model.conditions import MEANING, Condition, conditions
from harness.model.topology import ALL_HOSTS
from harness.reporting.page.drawing import svg
from harness.reporting.sketch import sketch
from harness.verbs.applicability import WIDTH, judged
from harness.verbs.settings import setting


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs of ``explain``, each with the function that carries it out as ``rows``."""
    verbs = parser.add_subparsers(required=True, metavar="WHAT")
    topology = verbs.add_parser("topology", help="draw it, and say what it would be judged by")
    topology.add_argument("name", metavar="NAME|PATH")
    topology.add_argument("--directory", type=Path, help="where topologies are declared")
    topology.add_argument("--catalogue", type=Path, help="the requirement catalogue")
    topology.add_argument("--svg", type=Path, metavar="FILE", help="write the drawing there too")
    topology.set_defaults(rows=_topology)


def _topology(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    directory = options.directory or setting("topology_dir", "topologies")
    topology = files.load_topology(files.find_topology(options.name, directory))
    rows = [*declared(topology), *_judged(topology, options.catalogue)]
    if options.svg:
        _written(options.svg, svg(topology))
    return rows, 0


def declared(topology: Topology) -> Iterator[str]:
    """Yield the drawing and what follows from the file, as lines."""
    yield from wrap(f"{topology.name}: {topology.title}", WIDTH, break_on_hyphens=False)
    yield from ("", *sketch(topology).splitlines())
    yield from _section("Control planes", _control_planes(topology))
    yield from _section("East-west gateways", _gateways(topology) or ["none"])
    yield from _section("Conditions that hold", _conditions(topology))
    yield from _section("Pairs of clusters", _pairs(topology) or ["none: one cluster only"])


def _judged(topology: Topology, given: Path | None) -> Iterator[str]:
    path = given or setting("catalogue", "suites/requirements.yaml")
    if given is None and not path.exists():
        yield from ("", "No catalogue is here; --catalogue FILE tells what it would be judged by.")
        return
    catalogue: Catalogue = files.load_catalogue(path)
    yield from judged(topology, catalogue)


def _written(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--svg {path}", [error.strerror or str(error)]) from error


def _section(title: str, rows: Iterable[Sequence[str] | str]) -> Iterator[str]:
    """Yield a heading and its rows, their columns aligned; the last one goes on below."""
    table = [(row,) if isinstance(row, str) else tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
    yield from ("", title)
    for *cells, last in table:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        yield from _row("".join(f"  {cell}" for cell in [*padded, ""]), last)


def _row(start: str, text: str) -> Iterator[str]:
    """Yield a row whose last column goes on below; long names push it there from the start."""
    if len(start) > WIDTH // 2:
        yield start.rstrip()
        start = " " * 6
    lines = wrap(text, WIDTH - len(start), break_on_hyphens=False) or [""]
    yield f"{start}{lines[0]}".rstrip()
    yield from (" " * len(start) + line for line in lines[1:])


def _control_planes(topology: Topology) -> list[Sequence[str]]:
    return [
        (plane.name, f"in {plane.cluster}/{plane.namespace}", "; ".join(_facts(plane)))
        for plane in structure.control_planes(topology)
    ]


def _facts(plane: structure.ControlPlane) -> Iterator[str]:
    labels = ",".join(f"{key}={value}" for key, value in sorted(plane.namespaces.items()))
    yield f"revision {plane.revision or 'default'}"
    yield f"serves {', '.join(plane.serves)}" + (f" (namespaces {labels})" if labels else "")
    yield f"takes configuration from {plane.config_cluster}"
    yield f"reads {', '.join(plane.reads) or 'no other cluster'}"
    root = "a root of its own making" if plane.self_signed else f"root {plane.root}"
    yield f"mesh {plane.mesh}, trust domain {plane.trust_domain}, {root}"
    if plane.replicas > 1:
        yield f"{plane.replicas} replicas"
    if plane.version:
        yield f"version {plane.version}"


def _gateways(topology: Topology) -> list[Sequence[str]]:
    return [
        (
            f"{each.cluster}/{each.namespace}/{each.name}",
            f"{_sort(each)}, port {each.port}, into {each.network}, exposes {_exposed(each)}",
        )
        for each in structure.gateways(topology)
    ]


def _sort(gateway: Gateway) -> str:
    return f"class {gateway.class_name}" if gateway.class_name else gateway.type


def _exposed(gateway: Gateway) -> str:
    services = "services" if gateway.hosts == ALL_HOSTS else ", ".join(gateway.hosts)
    said = [services if what == "services" else what for what in sorted(gateway.exposes)]
    return " and ".join(reversed(said))


def _conditions(topology: Topology) -> list[Sequence[str]]:
    found = conditions(topology)
    return [(str(each), MEANING[each]) for each in Condition if each in found]


def _pairs(topology: Topology) -> list[Sequence[str]]:
    return [
        (f"{source} -> {target}", str(relation))
        for source, target, relation in structure.relations(topology)
    ]
