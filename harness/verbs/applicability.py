"""By what a topology would be judged, of which pairs and machines, and by what it would not."""

from collections.abc import Iterator, Sequence
from textwrap import wrap

from harness.model import Catalogue, Level, Requirement, Topology, structure
from harness.model.needs import NEEDS

#: No line of an explanation is longer.
WIDTH = 98


def judged(topology: Topology, catalogue: Catalogue) -> Iterator[str]:
    """Yield what applies to ``topology`` and what does not, as lines."""
    applying = [each for each in catalogue.requirements if each.applies(topology)]
    levels = [(level, sum(each.level is level for each in applying)) for level in Level]
    counts = ", ".join(f"{count} {level}" for level, count in levels if count)
    known = len(catalogue.requirements)
    yield from ("", f"Judged by {len(applying)} of {known} requirements: {counts or 'none'}")
    yield from _applying(topology, applying)
    yield from ("", f"Not applicable: {known - len(applying)}")
    yield from _left_out(topology, catalogue)
    if wanted := _unoffered(applying):
        yield from ("", "Asked for, and offered by nobody yet")
        for need, ids in wanted.items():
            yield from _block(f"  {need} ({NEEDS[need].meaning})", ids)


def _applying(topology: Topology, requirements: Sequence[Requirement]) -> Iterator[str]:
    subjects: dict[str, dict[str, list[str]]] = {}
    for each in requirements:
        areas = subjects.setdefault(subject(topology, each), {})
        areas.setdefault(each.area, []).append(each.id)
    for asked, areas in subjects.items():
        count = sum(map(len, areas.values()))
        yield from _wrapped(f"  Asked of {asked} ({count}):", "    ")
        for area, ids in areas.items():
            yield from _wrapped(f"    {area:<18} {' '.join(ids)}", " " * 23)


def _left_out(topology: Topology, catalogue: Catalogue) -> Iterator[str]:
    reasons: dict[str, list[str]] = {}
    for each in catalogue.requirements:
        if reason := each.excluded(topology):
            short = reason.replace(f"topology {topology.name} has", "there is")
            reasons.setdefault(short, []).append(each.id)
    for reason, ids in reasons.items():
        yield from _block(f"  {reason}", ids)


def subject(topology: Topology, requirement: Requirement) -> str:
    """Say of what a requirement is asked: of pairs, of machines, or of the whole."""
    every = list(structure.relations(topology))
    pairs = [f"{a}->{b}" for a, b, each in every if requirement.pairs and requirement.about(each)]
    machines = [
        each.name
        for each in topology.machines
        if requirement.machines and requirement.machines.holds(topology, each)
    ]
    some = f"{len(pairs)} of {len(every)} pairs: {', '.join(pairs)}"
    asked = [
        *([f"all {len(every)} pairs" if len(pairs) == len(every) else some] if pairs else []),
        *([f"machines: {', '.join(machines)}"] if machines else []),
    ]
    return "; ".join(asked) or "the mesh as a whole"


def _unoffered(requirements: Sequence[Requirement]) -> dict[str, list[str]]:
    wanted: dict[str, list[str]] = {}
    for each in requirements:
        for need in each.needs:
            if NEEDS[need].planned:
                wanted.setdefault(need, []).append(each.id)
    return wanted


def _block(heading: str, ids: Sequence[str]) -> Iterator[str]:
    yield from _wrapped(f"{heading}:", "    ")
    yield from _wrapped(f"    {' '.join(ids)}", "    ")


def _wrapped(text: str, indent: str) -> list[str]:
    return wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
