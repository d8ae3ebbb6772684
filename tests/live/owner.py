"""A process of its own that raises a lab, or changes one, and waits to be ended.

``owner.py PROVIDER raise`` (or ``keep``) prints the lab as a line of JSON; ``owner.py PROVIDER
cut LAB`` partitions the first two clusters of the lab in the file LAB, and says so; ``kill LAB``
kills the first cluster's API server.
"""

import json
import signal
import sys
from pathlib import Path

from harness.model import Lab, Topology
from harness.phases import Phases
from harness.providers import BUILT_IN
from harness.providers.base import CanKillApi, CanPartition, RaiseOptions, planned


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def single() -> Topology:
    networks, clusters = [{"name": "blue"}], [{"name": "east", "network": "blue"}]
    return Topology.model_validate(
        {"name": "single", "title": "for tests", "networks": networks, "clusters": clusters}
    )


def main() -> None:
    name, what, *rest = sys.argv[1:]
    # Where tests run in the background, their children would ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    provider = BUILT_IN[name].make()
    if what == "kill":
        assert isinstance(provider, CanKillApi)
        lab = Lab.load(json.loads(Path(rest[0]).read_text()))
        with provider.api_killed(lab, cluster=lab.clusters[0].name):
            say("killed")
            signal.pause()
    if what == "cut":
        assert isinstance(provider, CanPartition)
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
