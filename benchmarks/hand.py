"""Clusters by hand: kind's defaults, one cluster after the other, all on one Docker network.

Where kind would start its own network for pods, which needs an image of its own, a file that
says the same is put into the node. A controller for LoadBalancer addresses is left out, too:
each address is put where that would put it.
"""

import json
import socket
import sys
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from urllib.parse import urlsplit

from harness import files, shell
from harness.kube import Kube, Manifest
from harness.meshes.waiting import watched
from harness.model import Cluster, ClusterPlan, MachineError, NetworkPlan
from harness.model.plan import API_PORT
from harness.providers.fabric import forwarder, holder
from harness.providers.kind.api import Bench
from harness.shell import LocalShell, redact
from harness.tools.kind import Kind
from harness.workloads.site import Site

#: What the network is called, as by kind itself.
NETWORK = "kind"
#: The part of kind's default range for pods that a cluster's first node gets.
_PODS = "10.244.0.0/24"
_CNI = "/etc/cni/net.d/10-ptp.conflist"
#: Seconds for one run of the kind command.
_PATIENCE = 300.0


@dataclass(frozen=True, slots=True)
class Hand:
    """Makes the clusters of one lab with what is at hand."""

    bench: Bench
    kind: Kind

    def network(self) -> None:
        """Make the Docker network; where there is a way out of it, close it."""
        inside, *_ = IPv4Network(_subnet(self.bench.plan)).hosts()
        self.bench.make_network(NETWORK, _subnet(self.bench.plan), str(inside))

    def cluster(self, cluster: ClusterPlan) -> Site:
        """Make a cluster; return when its node is ready."""
        self._create(cluster)
        container = self.bench.client.containers.get(self.bench.container(cluster))
        conflist = ["sh", "-c", f'printf %s "$0" > {_CNI}', json.dumps(_conflist())]
        self.bench.shell(cluster).run(conflist).checked()
        if loads := self.bench.images.loads:
            self.kind.load_docker_image(self.bench.cluster(cluster), *loads)
        kubeconfig = self._kubeconfig(cluster)
        kube = Kube(kubeconfig)
        watched(kube, "Node", str(container.name), None, _ready, what=f"{cluster.name} is ready")
        networks = container.attrs["NetworkSettings"]["Networks"]
        address = networks[self.bench.network(NETWORK)]["IPAddress"]
        made = Cluster(
            name=cluster.name,
            network=cluster.network,
            kubeconfig=str(kubeconfig),
            server=f"https://{address}:{API_PORT}",
            version=kube.version(),
        )
        return Site(made, cluster, kube)

    def balance(self, site: Site, service: str, namespace: str) -> None:
        """Give a Service the first planned address, as a controller such as MetalLB would."""
        address = site.plan.load_balancers[0]
        node = self.bench.shell(site.plan)
        node.run(["ip", "address", "add", f"{address}/32", "dev", "eth0"]).checked()
        status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
        site.kube.patch("Service", service, status, namespace, subresource="status")

    def delete(self) -> None:
        """Delete the clusters, then the network."""
        for cluster in self.bench.plan.clusters:
            argv = [str(self.kind.path), "delete", "cluster", "--name", self.bench.cluster(cluster)]
            argv += ["--kubeconfig", str(self._raw(cluster))]
            LocalShell().run(argv, env=self.kind.env, timeout=_PATIENCE).checked()
        self.bench.client.networks.get(self.bench.network(NETWORK)).remove()

    def _create(self, cluster: ClusterPlan) -> None:
        name = self.bench.cluster(cluster)
        config = self.bench.place.path / f"{cluster.name}.yaml"
        config.write_text(files.dump(_config(self.bench.images.node)), "utf-8")
        log = self.bench.place.logs / f"{cluster.name}.log"
        running = self.kind.create_cluster(
            name, config=config, kubeconfig=self._raw(cluster), log=log
        )
        try:
            code = running.wait(_PATIENCE)
        finally:
            if running.exit_code() is None:
                running.end()
        if code != 0:
            said = redact(log.read_text(errors="replace")).strip().splitlines()[-25:]
            raise MachineError("\n".join([f"kind does not make {name}:", *said]))

    def _kubeconfig(self, cluster: ClusterPlan) -> Path:
        """Write a kubeconfig that works on this machine, also where the engine is apart from it."""
        config = files.parse(self._raw(cluster).read_text("utf-8"), source=cluster.name)
        server = config["clusters"][0]["cluster"]
        server["server"] = f"https://127.0.0.1:{self._carried(cluster, server['server'])}"
        path = self.bench.place.kubeconfigs / f"{cluster.name}.yaml"
        return files.write(path, config, private=True)

    def _carried(self, cluster: ClusterPlan, server: str) -> int:
        """Carry connections to ``server`` from this machine; return the port for them."""
        target = urlsplit(server)
        script = [sys.executable, "-I", "-S", str(Path(forwarder.__file__))]
        with (
            socket.create_server(("127.0.0.1", 0), backlog=256) as listener,
            holder.owner() as owner,
        ):
            words = [target.hostname, target.port, listener.fileno(), owner]
            running = shell.start(
                f"{cluster.name}-forwarder",
                [*self.bench.spec.engine.inside(), *script, *map(str, words)],
                output=self.bench.place.logs / f"{cluster.name}-forwarder.log",
                pass_fds=[listener.fileno(), owner],
            )
            self.bench.stack.callback(running.end)
            return int(listener.getsockname()[1])

    def _raw(self, cluster: ClusterPlan) -> Path:
        return self.bench.place.path / f"kind-{cluster.name}.kubeconfig"


def _config(image: str) -> Manifest:
    """Return kind's configuration: its defaults, and a free port of the engine's choice."""
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"apiServerPort": -1, "disableDefaultCNI": True},
        "nodes": [{"role": "control-plane", "image": image}],
    }


def _conflist() -> Manifest:
    """Return the network for pods as kind's own has it on a cluster's only node."""
    ipam = {
        "type": "host-local",
        "dataDir": "/run/cni-ipam-state",
        "ranges": [[{"subnet": _PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    wire = {"type": "ptp", "ipMasq": True, "mtu": 1500, "ipam": ipam}
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [wire]}


def _subnet(plan: NetworkPlan) -> str:
    """Return a range around all planned networks: by hand, there is but one."""
    return str(IPv4Network(plan.networks[0].cidr).supernet(new_prefix=16))


def _ready(node: Manifest) -> bool:
    conditions = (node.get("status") or {}).get("conditions") or []
    return any((each["type"], each["status"]) == ("Ready", "True") for each in conditions)
