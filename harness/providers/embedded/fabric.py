"""The wires of a lab, from its network plan alone: a router, and a namespace per node.

    node ── eth0 ┄ port ── bridge of its network ── router ── bridge of another ┄ …
      └─ cni0 ── pods

The router lets through what the plan's crossings name and nothing else. It keeps no state,
so a rule that is taken away stops connections that are open, too.
"""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from harness.model import ClusterPlan, NetworkPlan, NodePlan
from harness.providers.embedded.spec import ROUTER, Namespace
from harness.providers.fabric.hardware import hardware_address

#: Absent where the kernel's bridge filter is not loaded; then there is nothing to switch.
_BRIDGE_FILTER = "net.bridge.bridge-nf-call-iptables"


def bridges(plan: NetworkPlan) -> Mapping[str, str]:
    """Return the router's interface of each network, by the network's name."""
    return {network.name: f"net{number}" for number, network in enumerate(plan.networks, 1)}


def ports(plan: NetworkPlan) -> Mapping[str, str]:
    """Return the router's end of each node's wire, by the node's name."""
    nodes = [node.name for cluster in plan.clusters for node in cluster.nodes]
    return {name: f"port{number}" for number, name in enumerate(nodes, 1)}


def links(plan: NetworkPlan) -> tuple[str, ...]:
    """Return the ``ip`` commands that make the namespaces and the wires between them."""
    ends = ports(plan)
    return (
        f"netns add {ROUTER}",
        *(f"netns add {node}" for node in ends),
        *(
            f"link add eth0 netns {node} type veth peer name {port} netns {ROUTER}"
            for node, port in ends.items()
        ),
    )


def namespaces(plan: NetworkPlan) -> tuple[Namespace, ...]:
    """Return the router and every node."""
    nodes = (_node(plan, cluster, node) for cluster in plan.clusters for node in cluster.nodes)
    return (_router(plan), *nodes)


def machine_links(plan: NetworkPlan, network: str, address: str) -> Iterator[str]:
    """Yield the ``ip`` commands of a machine at ``address`` that is no node of any cluster."""
    own = plan.network(network)
    yield "link set lo up"
    yield f"address add {address}/{IPv4Network(own.cidr).prefixlen} dev eth0"
    yield "link set eth0 up"
    yield f"route add default via {own.router}"
    for cluster in plan.clusters:
        if cluster.network == network:
            yield from (f"route add {node.pods} via {node.address}" for node in cluster.nodes)


def _router(plan: NetworkPlan) -> Namespace:
    return Namespace(
        name=ROUTER,
        sysctls={"net.ipv4.ip_forward": "1", _BRIDGE_FILTER: "0"},
        ip=tuple(_router_links(plan)),
        tables="\n".join(["*filter", *_router_rules(plan), "COMMIT\n"]),
    )


def _router_links(plan: NetworkPlan) -> Iterator[str]:
    yield "link set lo up"
    for network in plan.networks:
        bridge = bridges(plan)[network.name]
        length = IPv4Network(network.cidr).prefixlen
        yield _bridge(bridge, network.router)
        yield f"address add {network.router}/{length} dev {bridge}"
        yield f"link set {bridge} up"
    for cluster in plan.clusters:
        for node in cluster.nodes:
            yield f"link set {ports(plan)[node.name]} master {bridges(plan)[cluster.network]} up"
    for cluster in plan.clusters:
        if _routed(plan, cluster.network):
            for node in cluster.nodes:
                yield f"route add {node.pods} via {node.address}"


def _bridge(name: str, address: str) -> str:
    """Return what makes a bridge whose hardware address stays the same.

    Otherwise that is the lowest among those of its ports. When a port comes or goes, it may
    change, and the others send to the old one until they ask anew: for seconds, nobody hears them.
    """
    return f"link add {name} address {hardware_address(address)} type bridge forward_delay 0"


def _router_rules(plan: NetworkPlan) -> Iterator[str]:
    """The harness itself asks API servers from here; a network's own traffic passes anyway."""
    yield ":INPUT DROP"
    yield ":FORWARD DROP"
    yield ":OUTPUT ACCEPT"
    yield "-A INPUT -p tcp --sport 6443 ! --syn -j ACCEPT"
    by_network = bridges(plan)
    for network, bridge in by_network.items():
        for other in [network, *_routed(plan, network)]:
            yield f"-A FORWARD -i {bridge} -o {by_network[other]} -j ACCEPT"
    for crossing in plan.crossings:
        near, far = by_network[crossing.source], by_network[crossing.target]
        allowed = ",".join(map(str, crossing.ports))
        yield (
            f"-A FORWARD -i {near} -o {far} -p tcp -d {crossing.address}"
            f" -m multiport --dports {allowed} -j ACCEPT"
        )
        yield (
            f"-A FORWARD -i {far} -o {near} -p tcp -s {crossing.address}"
            f" -m multiport --sports {allowed} -m tcp ! --syn -j ACCEPT"
        )


def _routed(plan: NetworkPlan, network: str) -> list[str]:
    """Return the other networks of a network's routing domain."""
    own = plan.segment(network)
    return [other.name for other in plan.networks if other.segment == own and other.name != network]


def _node(plan: NetworkPlan, cluster: ClusterPlan, node: NodePlan) -> Namespace:
    return Namespace(
        name=node.name,
        sysctls={
            "net.ipv4.ip_forward": "1",
            "net.ipv4.conf.all.send_redirects": "0",
            "net.ipv4.conf.default.send_redirects": "0",
            _BRIDGE_FILTER: "1",
        },
        ip=tuple(_node_links(plan, cluster, node)),
        tables="\n".join(
            [
                "*filter",
                _refusal(cluster),
                "COMMIT",
                "*nat",
                *_node_rules(plan, cluster),
                "COMMIT\n",
            ]
        ),
    )


def _node_links(plan: NetworkPlan, cluster: ClusterPlan, node: NodePlan) -> Iterator[str]:
    network = plan.network(cluster.network)
    pods = IPv4Network(node.pods)
    yield "link set lo up"
    yield f"address add {node.address}/{IPv4Network(network.cidr).prefixlen} dev eth0"
    yield "link set eth0 up"
    yield f"route add default via {network.router}"
    yield _bridge("cni0", str(pods[1]))
    yield f"address add {pods[1]}/{pods.prefixlen} dev cni0"
    yield "link set cni0 up"
    # What is on another network of the segment is the router's to find.
    for neighbour in plan.beside(cluster):
        for other in neighbour.nodes:
            if other != node and neighbour.network == cluster.network:
                yield f"route add {other.pods} via {other.address}"


def _node_rules(plan: NetworkPlan, cluster: ClusterPlan) -> Iterator[str]:
    """Pods leave their network as their node, and keep their address within it (as in kind)."""
    for neighbour in plan.beside(cluster):
        yield f"-A POSTROUTING -s {cluster.pods} -d {neighbour.pods} -j RETURN"
    yield f"-A POSTROUTING -s {cluster.pods} -o eth0 -j MASQUERADE"


def _refusal(cluster: ClusterPlan) -> str:
    """Refuse Services that kube-proxy does not know yet (those it knows are translated before).

    Unrefused, the first packet leaves the node, and its connection stays untranslated until the
    client gives up: half a minute for CoreDNS, if it asks for the API server too early.
    """
    return f"-A FORWARD -d {cluster.services} -j REJECT"
