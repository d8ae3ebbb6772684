"""``docs/requirements.md``: each requirement, where it is judged, and on which topologies.

``python -m harness.reporting.requirement_table`` writes it anew, in a checkout.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from harness import files
from harness.model import Catalogue, Requirement, Topology
from harness.model.conditions import MEANING, Condition
from harness.model.needs import NEEDS
from harness.model.requirement import Clusters, Machines, Networks, Planes
from harness.model.structure import PairKind

#: Where the page is, and what it is made of, in a checkout.
PAGE, CATALOGUE, TOPOLOGIES = "docs/requirements.md", "suites/requirements.yaml", "topologies"

_PAIRS: Mapping[PairKind, str] = {
    PairKind.LINKED: "of one mesh, and the endpoints of the target are known to the source",
    PairKind.UNLINKED: "of one mesh, and the endpoints of the target are not known to the source",
    PairKind.SAME_NETWORK: "linked, on one network",
    PairKind.OTHER_NETWORK: "linked, on two networks",
    PairKind.ISOLATED: "linked, and no packet of one reaches the other directly",
    PairKind.ROUTED: "linked, on two networks by name that route to each other",
    PairKind.SAME_CONTROL_PLANE: "linked, served by one control plane",
    PairKind.OTHER_CONTROL_PLANE: "linked, served by different control planes",
    PairKind.OTHER_MESH: "of two meshes",
    PairKind.FEDERATED: "of two meshes, and the target's exports something to the source's",
}
_MACHINES: Mapping[Machines, str] = {
    Machines.ANY: "machines",
    Machines.CLUSTER_NETWORK: "machines on the network of their cluster",
    Machines.OWN_NETWORK: "machines on another network than their cluster",
}
_INTRODUCTION = """\
# Requirements and where they are judged

What must hold is in `suites/requirements.yaml`; this page follows from it and `topologies/`:

    python -m harness.reporting.requirement_table

No list of names decides where a requirement is judged, but the structure of a topology. **All**
that is said of *where* holds, nothing of *not where* does, and there is a pair of clusters or a
machine of the kind that it is asked of. `meshproof explain topology NAME|PATH` says the same of one
topology, also of your own. How this is written: [write-a-check.md](write-a-check.md).
"""
_NEEDS = "Where a need is not offered, what asks for it is *not-run*, with the reason."


def page(catalogue: Catalogue, topologies: Sequence[Topology]) -> str:
    """Return the page; the columns of topologies are those that guides describe."""
    lines = [
        *_INTRODUCTION.splitlines(),
        "",
        "## Topologies",
        "",
        *_table(
            ("code", "topology", "what it is", "judged by"), _topologies(catalogue, topologies)
        ),
        "",
        "## Conditions",
        "",
        *_table(("condition", "holds where"), ((f"`{each}`", MEANING[each]) for each in Condition)),
        "",
        "## Pairs",
        "",
        "A check that asks for `source` and `target` runs for each ordered pair of this kind.",
        "",
        *_table(("pairs", "two clusters"), ((f"`{kind}`", text) for kind, text in _PAIRS.items())),
    ]
    lines += ["", "## Needs", "", _NEEDS, "", *_table(("need", "offered by", "meaning"), _needs())]
    for area in dict.fromkeys(each.area for each in catalogue.requirements):
        own = [each for each in catalogue.requirements if each.area == area]
        rows = (_row(each, catalogue, topologies) for each in own)
        heading = f"## Area: {area}"
        columns = ("id", "level", "title", "judged", "needs", "topologies")
        lines += ["", heading, "", *_table(columns, rows)]
    return "\n".join(lines) + "\n"


def _needs() -> Iterator[tuple[str, ...]]:
    for name, need in NEEDS.items():
        yield f"`{name}`", "nobody yet" if need.planned else f"the {need.offerer}", need.meaning


def _table(columns: Sequence[str], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def _topologies(catalogue: Catalogue, topologies: Sequence[Topology]) -> Iterator[tuple[str, ...]]:
    for topology in topologies:
        count = sum(each.applies(topology) for each in catalogue.requirements)
        code = catalogue.topologies[topology.name].code
        yield code, f"`{topology.name}`", topology.title, str(count)


def _row(
    requirement: Requirement, catalogue: Catalogue, topologies: Sequence[Topology]
) -> tuple[str, ...]:
    codes = [
        catalogue.topologies[each.name].code for each in topologies if requirement.applies(each)
    ]
    return (
        requirement.id,
        str(requirement.level),
        requirement.title,
        "; ".join(where(requirement)) or "everywhere",
        ", ".join(
            f"{need} (planned)" if NEEDS[need].planned else need for need in requirement.needs
        ),
        "all" if len(codes) == len(topologies) else " ".join(codes),
    )


def where(requirement: Requirement) -> Iterator[str]:
    """Yield in words where a requirement is judged, and of what it is asked."""
    for wanted in requirement.when:
        yield f"where {' or '.join(MEANING[each] for each in wanted)}"
    for unwanted in requirement.unless:
        yield f"not where {MEANING[unwanted]}"
    subjects = [
        *([f"pairs `{'` and `'.join(requirement.pairs)}`"] if requirement.pairs else []),
        *([_MACHINES[requirement.machines]] if requirement.machines else []),
    ]
    if subjects:
        yield f"asked of {' and '.join(subjects)}"
    if requirement.clusters is not Clusters.MEMBER:
        yield f"of each {requirement.clusters} cluster"
    if requirement.networks is not Networks.ANY:
        yield "of each network with a gateway"
    if requirement.control_planes is not Planes.ANY:
        yield f"of each control plane: {requirement.control_planes}"
    if requirement.precondition_for:
        yield f"what is asked of pairs `{requirement.precondition_for}` rests on it"


def written(checkout: Path) -> str:
    """Return the page of a checkout."""
    paths = files.topology_files(checkout / TOPOLOGIES)
    topologies = [files.load_topology(path) for path in paths]
    return page(files.load_catalogue(checkout / CATALOGUE), topologies)


if __name__ == "__main__":
    Path(PAGE).write_text(written(Path.cwd()), encoding="utf-8")
