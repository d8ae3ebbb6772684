"""From a plan to everything a supervisor is told, and the files its programs read."""

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from harness.model import ClusterPlan, NetworkPlan, NodePlan
from harness.providers.embedded import fabric
from harness.providers.embedded.cloud import CloudConfig, Tenant
from harness.providers.embedded.control_plane import ControlPlane
from harness.providers.embedded.spec import ROUTER, Daemon, LabSpec
from harness.providers.embedded.supplies import Supplies
from harness.providers.fabric import forwarder
from harness.providers.fabric.state import State
from harness.providers.podrunner.config import NodeConfig

#: The stage that comes first; the other stages are named after clusters.
CORE = "core"
_SCRATCH = Path("/run/meshproof")


@dataclass(frozen=True, slots=True)
class Layout:
    """Works out one lab. ``python`` is the interpreter with the harness in it."""

    state: State
    plan: NetworkPlan
    supplies: Supplies
    python: str

    def spec(self) -> LabSpec:
        """Return what the supervisor builds."""
        return LabSpec(
            directories=tuple(str(path) for path in self._directories()),
            links=fabric.links(self.plan),
            namespaces=fabric.namespaces(self.plan),
            daemons=(*self._core(), *self._rest()),
        )

    def write_configs(self) -> None:
        """Write the files that nodes and the cloud read."""
        tenants = tuple(self._tenant(cluster) for cluster in self.plan.clusters)
        content = CloudConfig(control=self.state.control, tenants=tenants).model_dump_json(indent=1)
        self._cloud_config.write_text(content)
        for cluster in self.plan.clusters:
            for node in cluster.nodes:
                self._node(cluster, node).write(self._node_config(node))

    def _directories(self) -> list[Path]:
        nodes = [node for cluster in self.plan.clusters for node in cluster.nodes]
        return [_SCRATCH / node.name for node in nodes]

    def _core(self) -> list[Daemon]:
        core = [
            daemon.model_copy(update={"stage": CORE})
            for cluster in self.plan.clusters
            for daemon in self._control_plane(cluster).core()
        ]
        forwarders = (self._forwarder(cluster) for cluster in self.plan.clusters)
        return [*core, *forwarders, self._cloud()]

    def _rest(self) -> list[Daemon]:
        found: list[Daemon] = []
        for cluster in self.plan.clusters:
            daemons = [
                *self._control_plane(cluster).rest(),
                *(self._agent(node) for node in cluster.nodes),
            ]
            found.extend(daemon.model_copy(update={"stage": cluster.name}) for daemon in daemons)
            controllers = self._control_plane(cluster).controllers()
            stage = {"stage": _controllers_stage(cluster)}
            found.extend(daemon.model_copy(update=stage) for daemon in controllers)
        return found

    def _control_plane(self, cluster: ClusterPlan) -> ControlPlane:
        return ControlPlane(
            cluster=cluster,
            programs=self.supplies.control_planes[cluster.name],
            secrets=self.state.secrets(cluster.name),
            scratch=self.state.scratch(cluster.name),
        )

    def _forwarder(self, cluster: ClusterPlan) -> Daemon:
        script = str(Path(forwarder.__file__))
        return Daemon(
            name=f"{cluster.name}-forwarder",
            namespace=cluster.nodes[0].name,
            argv=(self.python, "-I", "-S", script, "127.0.0.1", "6443"),
            stage=CORE,
            listener=cluster.name,
        )

    def _agent(self, node: NodePlan) -> Daemon:
        return Daemon(
            name=agent_name(node.name),
            namespace=node.name,
            argv=self._module("podrunner", self._node_config(node)),
            lasting=True,
        )

    def _cloud(self) -> Daemon:
        return Daemon(
            name="cloud",
            namespace=ROUTER,
            argv=self._module("embedded.cloud", self._cloud_config),
            stage=CORE,
            lasting=True,
        )

    def _module(self, name: str, config: Path) -> tuple[str, ...]:
        return (self.python, "-m", f"harness.providers.{name}", str(config))

    @property
    def _cloud_config(self) -> Path:
        return self.state.path / "cloud.json"

    def _node_config(self, node: NodePlan) -> Path:
        return node_config(self.state, node.name)

    def _tenant(self, cluster: ClusterPlan) -> Tenant:
        return Tenant(
            cluster=cluster.name,
            kubeconfig=self.state.secrets(cluster.name) / "cloud.yaml",
            dns=cluster.dns,
            domain=cluster.domain,
            node=cluster.nodes[0].name,
            stage=_controllers_stage(cluster),
            pool=cluster.load_balancers,
        )

    def _node(self, cluster: ClusterPlan, node: NodePlan) -> NodeConfig:
        secrets = self.state.secrets(cluster.name)
        return NodeConfig(
            cluster=cluster.name,
            node=node.name,
            address=node.address,
            pods=node.pods,
            cluster_pods=cluster.pods,
            dns=cluster.dns,
            domain=cluster.domain,
            api_service=str(IPv4Network(cluster.services)[1]),
            kubeconfig=secrets / "node.yaml",
            state=_SCRATCH / node.name,
            serving_cert=secrets / f"{node.name}.crt",
            serving_key=secrets / f"{node.name}.key",
            client_ca=secrets / "ca.crt",
            images=dict(self.supplies.images),
            region=node.region,
            zone=node.zone,
        )


def _controllers_stage(cluster: ClusterPlan) -> str:
    return f"{cluster.name}-controllers"


def node_config(place: State, node: str) -> Path:
    """Return the file that tells a node its part, images included."""
    return place.path / f"{node}.json"


def agent_name(node: str) -> str:
    """Return the name of the program that runs a node's pods."""
    return f"{node}-agent"
