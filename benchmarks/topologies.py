"""How long each topology takes, in one table: ``python -m benchmarks.topologies``."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from statistics import linear_regression, median

from benchmarks.measure import ROOT, Raised, machine, raise_once
from harness import files
from harness.meshes.istio.mesh import IstioMesh
from harness.model import Topology
from harness.providers.embedded.provider import EmbeddedProvider

#: Seconds until calls are served, by the most clusters for which they are the goal.
READY: Mapping[int, float] = {2: 18.0, 3: 24.0, 5: 40.0}
#: What one more cluster may cost: seconds, bytes.
MORE_SECONDS, MORE_BYTES = 4.0, 0.6e9

_HEAD = ("clusters", "API", "mesh", "served", "ready", "goal", "down", "GB")


def main(argv: Sequence[str] | None = None) -> int:
    """Raise each topology on embedded, print a row for each; exit code 0 if every goal is met."""
    parser = argparse.ArgumentParser(prog="benchmarks.topologies", description=__doc__)
    parser.add_argument("names", nargs="*", help="names of topologies; absent: those of the guides")
    parser.add_argument("--runs", type=int, default=1, help="labs of each (default 1)")
    options = parser.parse_args(argv)
    guided, field = _of("topologies"), _of("topologies/field")
    known = guided | field
    if wrong := [name for name in options.names if name not in known]:
        parser.error(f"no topology {', '.join(wrong)}; there is: {', '.join(known)}")
    print(f"{machine()}\n\n{'topology':38}" + "".join(f"{each:>9}" for each in _HEAD))
    taken: dict[str, list[Raised]] = {}
    for name in options.names or guided:
        if reasons := IstioMesh().refuses(known[name]):
            print(f"{name:38} not raised: {'; '.join(reasons)}")
            continue
        taken[name] = [raise_once(known[name], EmbeddedProvider()) for _ in range(options.runs)]
        print(row(known[name], taken[name]), flush=True)
    met = [goal_met(known[name], labs) for name, labs in taken.items()]
    print("\n".join(["", *slopes({name: (known[name], labs) for name, labs in taken.items()})]))
    return 0 if all(met) else 1


def _of(directory: str) -> dict[str, Topology]:
    found = map(files.load_topology, files.topology_files(ROOT / directory))
    return {each.name: each for each in found}


def goal(topology: Topology) -> float:
    """Return how many seconds a topology may take: those of the next larger number of clusters."""
    count = len(topology.clusters)
    return next((seconds for most, seconds in READY.items() if count <= most), max(READY.values()))


def goal_met(topology: Topology, labs: Sequence[Raised]) -> bool:
    """Say whether the median of some labs is within the goal."""
    return median(lab.ready for lab in labs) <= goal(topology)


def row(topology: Topology, labs: Sequence[Raised]) -> str:
    """Return one line: medians in seconds, memory in GB."""
    seconds = [
        median(lab.api_servers for lab in labs),
        median(lab.mesh for lab in labs),
        median(lab.served for lab in labs),
        median(lab.ready for lab in labs),
        goal(topology),
        median(lab.down for lab in labs),
        median(lab.memory for lab in labs) / 1e9,
    ]
    told = "".join(f"{each:9.2f}" for each in seconds)
    return f"{topology.name:38}{len(topology.clusters):9}{told}"


def slopes(taken: Mapping[str, tuple[Topology, Sequence[Raised]]]) -> list[str]:
    """Say what one more cluster costs, by the line that fits all labs best."""
    points = [(len(topology.clusters), lab) for topology, labs in taken.values() for lab in labs]
    counts = [count for count, _ in points]
    if len(set(counts)) < 2:
        return []
    seconds = linear_regression(counts, [lab.ready for _, lab in points]).slope
    memory = linear_regression(counts, [float(lab.memory) for _, lab in points]).slope
    return [
        f"one more cluster: {seconds:.2f} s (goal {MORE_SECONDS:.0f})",
        f"one more cluster: {memory / 1e9:.2f} GB (goal {MORE_BYTES / 1e9:.1f})",
    ]


if __name__ == "__main__":
    sys.exit(main())
