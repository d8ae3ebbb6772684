"""Images that every lab has whatever its mesh: the agents of probes, and cluster DNS."""

from collections.abc import Mapping
from pathlib import Path

import harness
from harness.model.images import Programs

#: The interpreter that runs agents.
PYTHON = "/usr/bin/python3"
_AGENT_PLACE = "/opt/meshproof/agent"
_AGENT = Programs(
    argv=(PYTHON, "-I", "-B", _AGENT_PLACE),
    trees={_AGENT_PLACE: Path(harness.__file__).parent / "agent"},
)
#: Cluster DNS; what pods call it is for a provider to say.
COREDNS = Programs(argv=("/coredns",), files={"/coredns": "coredns"}, bare=True)
#: By the names that workloads use.
WORKLOADS: Mapping[str, Programs] = {"docker.io/meshproof/agent:1": _AGENT}
