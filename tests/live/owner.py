"""A process of its own that raises a lab, or changes one, and waits to be ended.

``owner.py PROVIDER raise`` (or ``keep``) prints the lab as a line of JSON; ``owner.py PROVIDER
cut LAB`` partitions the first two clusters of the lab in the file LAB, and says so; ``kill LAB``
kills the first cluster's API server; ``machine LAB`` starts a machine called ``orphan``.
"""

import json
import signal
import sys
from pathlib import Path

from harness.model import Lab, Topology
from harness.phases import Phases
from harness.providers import BUILT_IN
from harness.providers.base import (
    CanAddMachine,
    CanKillApi,
    CanPartition,
    Provider,
    RaiseOptions,
    planned,
)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def single() -> Topology:
    networks, clusters = [{"name": "blue"}], [{"name": "east", "network": "blue"}]
    return Topology.model_validate(
        {"name": "single", "title": "for tests", "networks": networks, "clusters": clusters}
    )


def change(what: str, provider: Provider, lab: Lab) -> None:
    """Change a lab, say so, and wait to be ended."""
    clusters = [cluster.name for cluster in lab.clusters]
    if what == "kill":
        assert isinstance(provider, CanKillApi)
        with provider.api_killed(lab, cluster=clusters[0]):
            wait("killed")
    elif what == "cut":
        assert isinstance(provider, CanPartition)
        with provider.partition(lab, one=clusters[0], other=clusters[1]):
            wait("cut")
    elif what == "machine":
        assert isinstance(provider, CanAddMachine)
        with provider.machine(lab, network=lab.plan.networks[0].name, name="orphan") as found:
            found.run(["sh", "-c", "setsid sleep 600 >/dev/null 2>&1 &"]).checked()
            wait("up")


def wait(line: str) -> None:
    say(line)
    signal.pause()


def main() -> None:
    name, what, *rest = sys.argv[1:]
    # Where tests run in the background, their children would ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    provider = BUILT_IN[name].make()
    if rest:
        change(what, provider, Lab.load(json.loads(Path(rest[0]).read_text())))
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
