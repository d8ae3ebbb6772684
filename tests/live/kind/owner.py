"""A process of its own that raises a kind lab, or changes one, and waits to be ended.

``owner.py raise`` or ``owner.py keep`` prints the lab as a line of JSON; ``owner.py cut LAB``
partitions the first two clusters of the lab in the file LAB, and says so.
"""

import json
import signal
import sys
from pathlib import Path

from harness.model import Lab, Topology
from harness.phases import Phases
from harness.providers.base import RaiseOptions, planned
from harness.providers.kind.provider import KindProvider


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def single() -> Topology:
    networks, clusters = [{"name": "blue"}], [{"name": "east", "network": "blue"}]
    return Topology.model_validate(
        {"name": "single", "title": "for tests", "networks": networks, "clusters": clusters}
    )


def main() -> None:
    what, *rest = sys.argv[1:]
    provider = KindProvider()
    if what == "cut":
        lab = Lab.load(json.loads(Path(rest[0]).read_text()))
        one, other = (cluster.name for cluster in lab.clusters[:2])
        with provider.partition(lab, one=one, other=other):
            say("cut")
            signal.pause()
    topology = single()
    options = RaiseOptions(keep=what == "keep")
    lab = provider.up(topology, planned(provider, topology), Phases(), options)
    say(json.dumps(lab.dump()))
    try:
        if what == "raise":
            signal.pause()
    finally:
        if what == "raise":
            provider.down(lab)


if __name__ == "__main__":
    main()
