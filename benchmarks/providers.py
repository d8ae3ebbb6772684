"""Compare the ways to one mesh on two clusters: ``python -m benchmarks.providers --runs 3``."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.by_hand import by_hand_once
from benchmarks.measure import Raised, machine, raise_once, topology
from benchmarks.table import Row, print_table
from harness.meshes.istio.mesh import IstioMesh
from harness.model import HarnessError, Topology
from harness.phases import Phases
from harness.providers.base import Provider
from harness.providers.embedded.provider import EmbeddedProvider
from harness.providers.kind.provider import KindProvider
from harness.providers.offline import api as offline

WANTED = "multi-primary-multi-network"
#: Which way is set against which.
RATIOS = (("kind", "embedded"), ("by-hand", "kind"))


@dataclass(frozen=True, slots=True)
class Way:
    """A way to the mesh: what it needs of the machine, and goals for seconds and gigabytes."""

    provider: Callable[[], Provider]
    once: Callable[[Topology, Provider], Raised] = raise_once
    ready: float | None = None
    memory: float | None = None


WAYS: Mapping[str, Way] = {
    "embedded": Way(EmbeddedProvider),
    "kind": Way(KindProvider, ready=35.0, memory=2.5),
    "by-hand": Way(KindProvider, once=lambda wanted, _: by_hand_once(wanted)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 0 if something could be measured and every goal is met."""
    options = _parser().parse_args(argv)
    try:
        return _compared(options.runs, options.ways)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was up is taken down\n")
        return 130
    return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.providers", description=__doc__)
    parser.add_argument("--runs", type=_positive, default=3, help="labs of each way (default 3)")
    parser.add_argument("--ways", type=_ways, default=list(WAYS), help=",".join(WAYS))
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of runs")
    return int(text)


def _ways(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in WAYS]:
        known = ", ".join(WAYS)
        raise argparse.ArgumentTypeError(
            f"no way {', '.join(map(repr, unknown))}; there is: {known}"
        )
    return [name for name in WAYS if name in names]


def _compared(runs: int, names: Sequence[str]) -> int:
    print(f"{machine()}\n")
    ways = [name for name in names if _possible(name)]
    if not ways:
        return 1
    _have_images(ways)
    taken: dict[str, list[Raised]] = {name: [] for name in ways}
    for number in range(1, runs + 1):
        for name in ways:
            taken[name].append(_taken(name, f"{number}/{runs}"))
    return 0 if print_table(table(taken)) else 1


def _possible(name: str) -> bool:
    """Say whether a way can be gone here, and if not, tell why."""
    missing = WAYS[name].provider().lacks()
    if missing:
        print(f"{name} is left out: {'; '.join(missing)}")
    return not missing


def _have_images(ways: Sequence[str]) -> None:
    """Make images before anything is timed."""
    found = offline.find_engine()
    if found is not None and {"kind", "by-hand"} & set(ways):
        offline.ensure_images(found, Phases(), mesh=IstioMesh().images(topology(WANTED)))


def _taken(name: str, run: str) -> Raised:
    way = WAYS[name]
    lab = way.once(topology(WANTED), way.provider())
    sys.stderr.write(f"{run}: {name} ready {lab.ready:.1f}s, down {lab.down:.1f}s\n")
    return lab


def table(taken: Mapping[str, Sequence[Raised]]) -> list[Row]:
    """Return the rows of every way, phase by phase, and the ratios run by run."""
    rows: list[Row] = []
    for name, labs in taken.items():
        rows += [
            (f"{name}: calls served across clusters, s", [x.ready for x in labs], WAYS[name].ready),
            ("  clusters, s", [x.api_servers for x in labs], None),
            ("  mesh installed and linked, s", [x.mesh for x in labs], None),
            ("  apps injected and served, s", [x.served for x in labs], None),
            ("  take-down, s", [x.down for x in labs], None),
            ("  memory, GB", [x.memory / 1e9 for x in labs], WAYS[name].memory),
        ]
    return rows + [_ratio(taken, *pair) for pair in RATIOS if set(pair) <= taken.keys()]


def _ratio(taken: Mapping[str, Sequence[Raised]], way: str, other: str) -> Row:
    pairs = zip(taken[way], taken[other], strict=True)
    return (f"{way} / {other}", [one.ready / two.ready for one, two in pairs], None)


if __name__ == "__main__":
    sys.exit(main())
