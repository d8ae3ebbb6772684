"""Images that every lab has whatever its mesh: the agents of probes, and cluster DNS."""

from collections.abc import Mapping

from harness.artifacts import agent
from harness.model.images import Programs

#: The interpreter that runs agents.
PYTHON = "/usr/bin/python3"
#: Cluster DNS; what pods call it is for a provider to say.
COREDNS = Programs(argv=("/coredns",), files={"/coredns": "coredns"}, bare=True)


def workloads(*, bound: bool = False) -> Mapping[str, Programs]:
    """Return images by the names that workloads use: that of the agent, with what it imports.

    ``bound``: pods will see the very directories, which get bytecode for quicker starts.
    """
    found = agent.precompiled() if bound else agent.directories()
    trees = {f"/{agent.PLACE}/{path}": directory for path, directory in found.items()}
    argv = (PYTHON, "-I", "-B", f"/{agent.PLACE}/{agent.PROGRAM}")
    return {"docker.io/meshproof/agent:1": Programs(argv=argv, trees=trees)}
