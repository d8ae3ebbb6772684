"""What of a topology cannot be installed so far: each thing by name, before anything starts."""

from collections.abc import Iterator

from harness.meshes.istio.enrolment import doors
from harness.meshes.istio.operator import GATEWAY_PORTS
from harness.model import ClusterSpec, ControlPlane, Gateway, MachineSpec, Topology, structure
from harness.model.topology import (
    DataPlane,
    GatewayAddress,
    GatewayServiceType,
    GatewaySpec,
    Role,
)


def unsupported(topology: Topology) -> list[str]:
    """Say what cannot be installed so far, and why; empty if all of ``topology`` can."""
    found = [
        *_as_a_whole(topology),
        *(each for cluster in topology.clusters for each in _cluster(topology, cluster)),
        *(each for plane in structure.control_planes(topology) for each in _plane(topology, plane)),
        *(each for gateway in structure.gateways(topology) for each in _gateway(gateway)),
        *(each for gateway in topology.gateways or () for each in _of_a_class(topology, gateway)),
        *(each for machine in topology.machines for each in _machine(topology, machine)),
    ]
    return list(dict.fromkeys(found))


def _as_a_whole(topology: Topology) -> Iterator[str]:
    if topology.data_plane is DataPlane.AMBIENT:
        yield from _of_ambient(topology)
    if len(domains := sorted({cluster.domain for cluster in topology.clusters})) > 1:
        yield f"domains {', '.join(domains)}: only clusters of one domain can be judged so far"
    for mesh in topology.meshes:
        if (
            mesh.exports
            and topology.gateways is None
            and structure.spans_networks(topology, mesh.id)
        ):
            yield (
                f"mesh {mesh.id!r} exports services and spans several networks: one gateway would"
                " expose all of them to others, so declare one for each purpose"
            )
        if mesh.exports and not structure.exporting_gateways(topology, mesh.id):
            yield f"mesh {mesh.id!r} exports services, and no gateway with an address exposes any"


def _of_ambient(topology: Topology) -> Iterator[str]:
    """Say what Istio itself has for sidecars only, as its guides and release notes tell."""
    if any(cluster.role is not Role.PRIMARY for cluster in topology.clusters):
        yield "data plane ambient: clusters without a control plane of their own are not supported"
    if any(gateway.class_name is None for gateway in topology.gateways or ()):
        yield (
            "data plane ambient: gateways that are no objects of the Gateway API are not looked at:"
            f" give them class {structure.EAST_WEST_CLASS}"
        )
    if any(mesh.exports or mesh.trusts for mesh in topology.meshes):
        yield "data plane ambient: meshes are not federated so far"


def _plane(topology: Topology, plane: ControlPlane) -> Iterator[str]:
    networks = {topology.cluster(name).network for name in plane.serves}
    for gateway in structure.gateways(topology):
        if len({gateway.seen_from.get(network) for network in networks}) > 1:
            yield (
                f"gateway {gateway.name!r} of cluster {gateway.cluster!r} is seen otherwise from"
                f" clusters that control plane {plane.name!r} serves, which tells all of them the"
                " same: let it serve one network, or drop seen_from"
            )


def _cluster(topology: Topology, cluster: ClusterSpec) -> Iterator[str]:
    who = f"cluster {cluster.name!r}"
    for plane in structure.control_planes_of(topology, cluster.name):
        ways = structure.gateways_of(topology, plane.cluster)
        if plane.cluster != cluster.name and not any("istiod" in each.exposes for each in ways):
            yield (
                f"{who} is served from {plane.cluster!r}, of which no gateway exposes istiod:"
                " it cannot be installed in another way so far"
            )


def _machine(topology: Topology, machine: MachineSpec) -> Iterator[str]:
    ways = doors(topology, machine.cluster)
    if ways and all(each.address == GatewayAddress.HOSTNAME for each in ways):
        yield (
            f"machine {machine.name!r} finds istiod at a gateway with a name alone: its files have"
            " room for an address only, so give the gateway one"
        )
    if not ways:
        yield (
            f"machine {machine.name!r} is of cluster {machine.cluster!r}, for which no gateway"
            " exposes istiod: it cannot join in another way so far"
        )


def _gateway(gateway: Gateway) -> Iterator[str]:
    who = f"gateway {gateway.name!r} of cluster {gateway.cluster!r}"
    if gateway.type == GatewayServiceType.CLUSTER_IP:
        yield f"{who} has a Service of type {gateway.type}: nobody would reach it from elsewhere"
    if gateway.type == GatewayServiceType.NODE_PORT and gateway.exposes != {"services"}:
        yield (
            f"{who} exposes istiod at ports of nodes: whoever looks for one would not know them,"
            " so give it a Service of type LoadBalancer"
        )
    if gateway.seen_from and gateway.class_name:
        yield f"{who} is of a class, and so found by its label: leave seen_from out"
    if gateway.port in [port for name, port in GATEWAY_PORTS.items() if name != "tls"]:
        yield f"{who} wants port {gateway.port}, which has another use there"


def _of_a_class(topology: Topology, gateway: GatewaySpec) -> Iterator[str]:
    """Say what a gateway of the Gateway API cannot be, or could be in other clusters only."""
    if gateway.class_name is None:
        return
    who = f"gateway {gateway.name!r} of cluster {gateway.cluster!r}"
    ambient = topology.data_plane is DataPlane.AMBIENT
    fitting = structure.EAST_WEST_CLASS if ambient else "istio"
    if gateway.class_name != fitting:
        plane = f"data plane {topology.data_plane}"
        yield f"{who} is of class {gateway.class_name}: with {plane} only {fitting} is installed"
    serving = structure.control_planes_of(topology, gateway.cluster)
    if any(plane.cluster != gateway.cluster or plane.external for plane in serving):
        yield (
            f"{who} is of a class, and no control plane deploys gateways in another cluster than"
            " its own: leave its class out"
        )
    elsewhere = gateway.namespace and any(plane.namespace != gateway.namespace for plane in serving)
    if "istiod" in gateway.exposes and elsewhere:
        yield (
            f"{who} is of a class, and routes lead from it to its own namespace only: let istiod be"
            f" in {gateway.namespace!r}, too, or leave the namespace out"
        )
    if not gateway.exposes:
        yield f"{who} is of a class and exposes nothing: it would have no listener"
    if gateway.type != GatewayServiceType.LOAD_BALANCER or gateway.replicas != 1:
        yield (
            f"{who} is of a class, whose controller decides on its replicas and its Service: leave"
            " both out"
        )
    if gateway.labels != GatewaySpec.model_fields["labels"].default:
        yield f"{who} is of a class, whose controller labels its pods: leave its labels out"
