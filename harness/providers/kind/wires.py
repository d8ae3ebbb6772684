"""What is done inside nodes so that they have the plan's addresses and reach what it allows.

    node ── eth0 ┄ Docker network of its mesh network (the plan's range)
      │ └── eth1 ┄ transit network, where there are several: filtered where it enters a node
      └─ pods

Everybody uses the plan's addresses. What lies on another network is routed, address by
address, over the transit network to the node that has it; that node lets in on any leg but
its first what the plan's crossings name, and nothing else. The filter comes before connection
tracking and before kube-proxy's translation, so ports of nodes do not slip through. Networks of
one segment (routing domain) take the same way, pods included, and are not filtered.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.model import ClusterPlan, NetworkPlan, NodePlan
from harness.providers.fabric.cuts import Change, between, rule
from harness.providers.kind.config import conflist

#: The chain that decides what comes in from other networks.
CROSS = "MESHPROOF-CROSS"
_CNI = "/etc/cni/net.d/10-meshproof.conflist"
#: A node's own programs keep its address where a Service leads them to another network: an API
#: server that calls a webhook, say. Kube-proxy would give them the leg's, which nobody lets in.
_KEEPS_ITS_ADDRESS = (
    "-A POSTROUTING -o eth0 -j RETURN",
    "-A POSTROUTING -o eth+ -j MARK --set-xmark 0x0/0x4000",
)


@dataclass(frozen=True, slots=True)
class Wires:
    """Works out the wires of one lab. ``transit``: addresses of nodes between networks."""

    plan: NetworkPlan
    transit: Mapping[str, str]

    def booted(self, cluster: ClusterPlan, node: NodePlan) -> str:
        """Return the script for a node whose container has started, while kubeadm is at work.

        It waits for the container runtime first: by then a node's entrypoint has decided
        which of its two packet filters it uses. Its last word is the image of cluster DNS.
        """
        return "\n".join(
            [
                "until [ -S /run/containerd/containerd.sock ]; do sleep 0.05; done",
                "sysctl -qw net.ipv4.conf.all.send_redirects=0",
                *_restore(self._tables(cluster, node)),
                *_batch(self._links(cluster, node)),
                f"mkdir -p {_CNI.rpartition('/')[0]}",
                f"cat > {_CNI}.new <<'END'",
                json.dumps(conflist(node), indent=1),
                "END",
                f"mv {_CNI}.new {_CNI}",
                "ctr --namespace k8s.io images list --quiet | grep -m 1 /coredns:\n",
            ]
        )

    def joined(self, cluster: ClusterPlan, node: NodePlan) -> str:
        """Return the script for a node that has its leg on the transit network."""
        router = self.plan.network(cluster.network).router
        routes = [*self.ways_out(cluster.network, node.address), *self._to_pods(cluster.network)]
        # Some engines give the default route to whatever network was connected last.
        return "\n".join(_batch([f"route replace default via {router} dev eth0", *routes]))

    def machine(self, network: str, address: str) -> str:
        """Return the script for a machine on ``network`` that is no node of any cluster."""
        kin = (node for cluster in self._on(network) for node in cluster.nodes)
        routes = [f"route replace {node.pods} via {node.address}" for node in kin]
        if self.transit:
            router = self.plan.network(network).router
            routes.append(f"route replace default via {router} dev eth0")
            routes += [*self.ways_out(network, address), *self._to_pods(network)]
        tables = ["*raw", *self._filter(network, ()), "COMMIT"] if self.transit else []
        return "\n".join([*_restore(tables), *_batch(routes)])

    def ways_out(self, network: str, address: str) -> list[str]:
        """Return the routes of ``address`` to every address on other networks."""
        return [
            f"route replace {far}/32 via {self.transit[holder]} src {address}"
            for cluster in self.plan.clusters
            if cluster.network != network
            for far, holder in _addresses(cluster)
        ]

    def way_back(self, network: str, address: str, transit: str) -> list[Change]:
        """Let every node on other networks answer ``address``, which is at ``transit``."""
        route = (f"{address}/32", "via", transit)
        return [
            Change(
                node.name,
                ("ip", "route", "replace", *route, "src", node.address),
                ("ip", "route", "delete", *route),
            )
            for cluster in self.plan.clusters
            if cluster.network != network
            for node in cluster.nodes
        ]

    def pod_routes(self, *, one: str, other: str) -> list[Change]:
        """Let the pods of both reach each other by their own addresses across networks.

        On one network they do so anyway.
        """
        return between(self.plan, one, other, self._opened)

    def _opened(self, cluster: ClusterPlan, other: ClusterPlan) -> Iterator[Change]:
        out = ("-s", cluster.pods, "-d", other.pods)
        back = ("-s", other.pods, "-d", cluster.pods)
        for node in cluster.nodes:
            for far in other.nodes:
                route = (far.pods, "via", self.transit[far.name])
                replace = ("ip", "route", "replace", *route)
                yield Change(node.name, replace, ("ip", "route", "delete", *route))
            yield rule(node.name, "nat", "POSTROUTING", (*out, "-j", "RETURN"))
            yield rule(node.name, "raw", CROSS, (*back, "-j", "RETURN"))

    def _to_pods(self, network: str) -> list[str]:
        """Return the routes to pods on the other networks of a segment."""
        return [
            f"route replace {node.pods} via {self.transit[node.name]}"
            for cluster in self._beyond(network)
            for node in cluster.nodes
        ]

    def _beyond(self, network: str) -> list[ClusterPlan]:
        """Return the clusters on the other networks of a segment."""
        own = self.plan.segment(network)
        return [
            cluster
            for cluster in self.plan.clusters
            if cluster.network != network and self.plan.segment(cluster.network) == own
        ]

    def _on(self, network: str) -> list[ClusterPlan]:
        return [cluster for cluster in self.plan.clusters if cluster.network == network]

    def _links(self, cluster: ClusterPlan, node: NodePlan) -> Iterator[str]:
        """The addresses of gateways lie on the first node from the start; nobody takes them."""
        if node == cluster.nodes[0]:
            yield from (f"address add {each}/32 dev eth0" for each in cluster.load_balancers)
        for neighbour in self._on(cluster.network):
            for other in neighbour.nodes:
                if other != node:
                    yield f"route add {other.pods} via {other.address}"

    def _tables(self, cluster: ClusterPlan, node: NodePlan) -> Iterator[str]:
        """Services that kube-proxy does not know yet are refused, or a first packet would leave.

        Pods leave their segment as their node, and keep their address within it.
        """
        yield from ("*filter", f"-I FORWARD -d {cluster.services} -j REJECT", "COMMIT", "*nat")
        for neighbour in self.plan.beside(cluster):
            yield f"-A POSTROUTING -s {cluster.pods} -d {neighbour.pods} -j RETURN"
        yield f"-A POSTROUTING -s {cluster.pods} -o eth+ -j SNAT --to-source {node.address}"
        yield "COMMIT"
        if self.transit:
            held = [address for address, holder in _addresses(cluster) if holder == node.name]
            yield from ("*raw", *self._filter(cluster.network, held), "COMMIT")
            yield from ("*mangle", *_KEEPS_ITS_ADDRESS, "COMMIT")

    def _filter(self, network: str, held: "list[str] | tuple[()]") -> Iterator[str]:
        """Legs come and go under changing names, so the filter is for all but the first."""
        yield f":{CROSS} - [0:0]"
        yield f"-A PREROUTING -i eth+ -j {CROSS}"
        yield f"-A {CROSS} -i eth0 -j RETURN"
        for other in self._beyond(network):
            for source in (self.plan.network(other.network).cidr, other.pods):
                yield f"-A {CROSS} -s {source} -j RETURN"
        for crossing in self.plan.crossings:
            ports = ",".join(map(str, crossing.ports))
            if crossing.address in held:
                source = self.plan.network(crossing.source).cidr
                yield (
                    f"-A {CROSS} -p tcp -s {source} -d {crossing.address}"
                    f" -m multiport --dports {ports} -j RETURN"
                )
            elif crossing.source == network:
                yield (
                    f"-A {CROSS} -p tcp -s {crossing.address} -m multiport --sports {ports}"
                    " -m tcp ! --syn -j RETURN"
                )
        yield f"-A {CROSS} -j DROP"


def _addresses(cluster: ClusterPlan) -> Iterator[tuple[str, str]]:
    """Return every address of a cluster outside its pods, and the node that has it."""
    yield from ((node.address, node.name) for node in cluster.nodes)
    yield from ((address, cluster.nodes[0].name) for address in cluster.load_balancers)


def _restore(tables: "Iterator[str] | list[str]") -> list[str]:
    return ["iptables-restore -w --noflush <<'END'", *tables, "END"]


def _batch(lines: "Iterator[str] | list[str]") -> list[str]:
    return ["ip -batch - <<'END'", *lines, "END"]
