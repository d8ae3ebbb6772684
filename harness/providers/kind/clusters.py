"""Making one cluster by kind, with the lab's wires put into its nodes while kind is at work."""

import os
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from docker import DockerClient

from harness import files
from harness.converge import Budget, NotConverged, concurrently, eventually
from harness.kube import Kube
from harness.model import ApiError, Cluster, ClusterPlan, MachineError, NodePlan, ToolError
from harness.model.kubeconfig import kubeconfig_data
from harness.phases import Phases
from harness.providers.fabric.raising import described
from harness.providers.fabric.state import State
from harness.providers.kind import logs
from harness.providers.kind.config import kind_config
from harness.providers.kind.containers import (
    ContainerShell,
    NotRunning,
    connect,
    owned,
    remove,
)
from harness.providers.kind.spec import KindSpec, Tenant
from harness.providers.kind.wires import Wires
from harness.shell import Running, redact
from harness.tools.kind import Kind

if TYPE_CHECKING:
    from harness.providers.offline.api import Images

T = TypeVar("T")

_CREATED = Budget(timeout=300.0, interval=0.02, firm=True)
_BOOTED = Budget(timeout=120.0, interval=0.05, firm=True)
_ANSWERS = Budget(timeout=90.0, interval=0.05, firm=True)
#: Failures of kind that are known to pass, on a machine that is busy above all.
_FLAKY = re.compile(
    r"could not find a log line that matches"
    r"|failed to (init node with kubeadm|join node with kubeadm|remove control plane)"
    r"|address already in use|port is already allocated|TLS handshake timeout"
    r"|context deadline exceeded|connection refused"
)


class ClusterError(MachineError):
    """A cluster did not come up; ``flaky`` if another attempt may well succeed."""

    def __init__(self, what: str, *, flaky: bool) -> None:
        super().__init__(what)
        self.flaky = flaky


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes the clusters of one lab, as many at once as ``at_once`` lets through.

    ``ports`` are those of this machine on which API servers are reached, where the engine's
    own are out of reach. Once ``given_up`` is set, nothing more is begun.
    """

    place: State
    spec: KindSpec
    client: DockerClient
    kind: Callable[[ClusterPlan], Kind]
    images: "Mapping[str, Images]"
    phases: Phases
    ports: Mapping[str, int] = field(default_factory=dict)
    at_once: threading.Semaphore = field(
        default_factory=lambda: threading.Semaphore(len(os.sched_getaffinity(0)))
    )
    given_up: threading.Event = field(default_factory=threading.Event)

    def cluster(self, cluster: ClusterPlan) -> Cluster:
        """Make a cluster; return when its API server answers."""
        with self.at_once:
            with self.phases.phase(f"kind create {cluster.name}"):
                dns_image = self._made(cluster)
            with self.phases.phase(f"wires of {cluster.name}"):
                self._join(cluster)
        written = self._kubeconfig(cluster)
        self._answering(cluster, Kube(written))
        tenant = Tenant(kubeconfig=written, dns_image=dns_image)
        tenant.write(self.place, cluster.name)
        if loads := self.images[cluster.name].loads:
            with self.phases.phase(f"load images into {cluster.name}"):
                self.kind(cluster).load_docker_image(self._name(cluster), *loads)
        return described(cluster, written)

    def _answering(self, cluster: ClusterPlan, kube: Kube) -> None:
        try:
            self._until(
                lambda: _ready(kube),
                lambda trouble: not trouble,
                what=f"the API server of {cluster.name} answers",
                budget=_ANSWERS,
            )
        except NotConverged as error:
            raise self._failed(cluster, str(error), self._log(cluster)) from error

    def _made(self, cluster: ClusterPlan) -> str:
        """Return the name of the image of cluster DNS; tries twice what is known to be flaky."""
        try:
            return self._attempt(cluster)
        except ClusterError as error:
            if not error.flaky or self.given_up.is_set():
                raise
            first, *_ = str(error).splitlines()
            self.phases.say(f"{first}; this is known to pass, so it is tried once more")
            self._clear(cluster)
            return self._attempt(cluster)

    def _attempt(self, cluster: ClusterPlan) -> str:
        if self.given_up.is_set():
            raise MachineError("the lab is not wanted any more")
        config = self.place.path / f"kind-{cluster.name}.yaml"
        config.write_text(kind_config(cluster, self.images[cluster.name].node), "utf-8")
        log = self._log(cluster)
        log.unlink(missing_ok=True)
        running = self.kind(cluster).create_cluster(
            self._name(cluster), config=config, kubeconfig=self._raw(cluster), log=log
        )
        try:
            booted = concurrently(
                lambda node: self._booted(cluster, node, running), list(cluster.nodes)
            )
            self._until(
                running.exit_code,
                lambda code: code is not None,
                what=f"kind has made {cluster.name}",
                budget=_CREATED,
            )
        except NotConverged as error:
            raise self._failed(cluster, str(error), log) from error
        finally:
            if running.exit_code() is None:
                running.end()
        if running.exit_code() != 0:
            raise self._failed(cluster, f"kind exited {running.exit_code()}", log)
        return booted[0]

    def _booted(self, cluster: ClusterPlan, node: NodePlan, running: Running) -> str:
        """Put the wires in as soon as the node lets us; return the image of cluster DNS.

        Returns nothing if kind ends before: then that is what is wrong.
        """
        shell = ContainerShell(self.client, self.spec.containers[node.name])
        script = Wires(self.spec.plan, self.spec.transit).booted(cluster, node)

        def tried() -> str | None:
            try:
                return shell.script(script, what="wires")
            except NotRunning:
                return None

        try:
            printed = self._until(
                tried,
                lambda seen: seen is not None or running.exit_code() is not None,
                what=f"node {node.name} runs",
                budget=_BOOTED,
            )
        except ToolError as error:
            running.end()
            raise self._failed(cluster, str(error), self._log(cluster)) from error
        return (printed or "").strip().rpartition("\n")[2]

    def _join(self, cluster: ClusterPlan) -> None:
        """Connect the nodes to the transit network: kind takes a node with two legs for broken."""
        for node in cluster.nodes if self.spec.transit else ():
            container = self.spec.containers[node.name]
            connect(self.client, self.spec.names.transit, container, self.spec.transit[node.name])
            script = Wires(self.spec.plan, self.spec.transit).joined(cluster, node)
            ContainerShell(self.client, container).script(script, what="ways to other networks")

    def _kubeconfig(self, cluster: ClusterPlan) -> Path:
        """Write a kubeconfig that is ours: named as the cluster, working on this machine."""
        known = files.parse(self._raw(cluster).read_text("utf-8"), source=cluster.name)
        server = known["clusters"][0]["cluster"]
        if cluster.name in self.ports:
            server["server"] = f"https://127.0.0.1:{self.ports[cluster.name]}"
        content = kubeconfig_data(cluster.name, cluster=server, user=known["users"][0]["user"])
        path = self.place.kubeconfigs / f"{cluster.name}.yaml"
        return files.write(path, content, private=True)

    def _failed(self, cluster: ClusterPlan, what: str, log: Path) -> ClusterError:
        """Explain a failure with the ends of kind's log and of those of the nodes."""
        text = redact(log.read_text(errors="replace")) if log.exists() else ""
        said = [line for line in text.splitlines() if line.strip()][-25:]
        containers = [self.spec.containers[node.name] for node in cluster.nodes]
        mine = [name for name in containers if owned(self.client, name, self.spec.lab)]
        words = [logs.tail(self.client, name) for name in mine]
        told = "\n".join([f"{cluster.name}: {what}", *said, *words])
        return ClusterError(told, flaky=bool(_FLAKY.search(text)))

    def _clear(self, cluster: ClusterPlan) -> None:
        for node in cluster.nodes:
            container = self.spec.containers[node.name]
            if owned(self.client, container, self.spec.lab):
                remove(self.client, container)

    def _name(self, cluster: ClusterPlan) -> str:
        return self.spec.names.cluster(self.spec.plan, cluster)

    def _log(self, cluster: ClusterPlan) -> Path:
        return self.place.logs / f"kind-{cluster.name}.log"

    def _raw(self, cluster: ClusterPlan) -> Path:
        return self.place.path / f"kind-{cluster.name}.kubeconfig"

    def _until(
        self, look: Callable[[], T], until: Callable[[T], bool], *, what: str, budget: Budget
    ) -> T:
        """Wait, but not for a lab that is not wanted any more."""
        return eventually(
            look, until, what=what, budget=budget, final=lambda _: self.given_up.is_set()
        )


def _ready(kube: Kube) -> str:
    try:
        kube.request("GET", "/readyz")
    except ApiError as error:
        return str(error)
    return ""
