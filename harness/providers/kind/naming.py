"""What the parts of a lab are called on an engine, and the labels by which they are told apart."""

from collections.abc import Mapping
from dataclasses import dataclass

from harness.model import ClusterPlan, NetworkPlan

#: The lab that a container or a network belongs to: only what carries it is ever removed.
LAB_LABEL = "meshproof.lab"
#: The machine, its boot and the directory that hold the lab, by which leftovers are known.
STATE_LABEL = "meshproof.state"
#: In the environment of every process that makes a part of a lab.
LAB_VARIABLE = "MESHPROOF_LAB"
#: What kind adds to a cluster's name for its nodes; a host's name may have 63 characters.
_CONTROL_PLANE = "-control-plane"
_LONGEST = 63 - len(_CONTROL_PLANE)


@dataclass(frozen=True, slots=True)
class Names:
    """The names within one lab on an engine."""

    lab: str

    def __str__(self) -> str:
        return f"meshproof-{self.lab}"

    def network(self, name: str) -> str:
        """Return the name of a Docker network."""
        return f"{self}-net-{name}"

    @property
    def transit(self) -> str:
        """The Docker network between networks.

        It sorts after the others: an older engine gives the default route to the first.
        """
        return f"{self}-transit"

    @property
    def bridges(self) -> str:
        """What the names of the engine's links that belong to the lab begin with."""
        return f"mp-{self.lab}-"

    def bridge(self, number: int) -> str:
        """Return the engine's link of a network; 0 is the transit network."""
        return f"{self.bridges}{number}"

    def helper(self, purpose: str) -> str:
        """Return the name of a container that is not a node."""
        return f"{self}-{purpose}"

    def cluster(self, plan: NetworkPlan, cluster: ClusterPlan) -> str:
        """Return the name of a cluster as kind knows it."""
        name = f"{self}-{cluster.name}"
        if len(name) <= _LONGEST:
            return name
        return f"{self}-{plan.clusters.index(cluster)}-{cluster.name}"[:_LONGEST].rstrip("-")

    def containers(self, plan: NetworkPlan) -> Mapping[str, str]:
        """Return the container of each node, by the node's name, as kind will call it."""
        return {
            node.name: self.cluster(plan, cluster) + _suffix(number)
            for cluster in plan.clusters
            for number, node in enumerate(cluster.nodes)
        }


def _suffix(number: int) -> str:
    if number == 0:
        return _CONTROL_PLANE
    return "-worker" if number == 1 else f"-worker{number}"
