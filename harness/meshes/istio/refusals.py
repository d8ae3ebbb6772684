"""What of a topology cannot be installed so far: each thing by name, before anything starts."""

from collections.abc import Iterator

from harness.meshes.istio.operator import GATEWAY_PORTS
from harness.model import ControlPlane, Gateway, Role, Topology, structure
from harness.model.topology import DataPlane, GatewayServiceType

_DOMAIN = "cluster.local"


def unsupported(topology: Topology) -> list[str]:
    """Say what cannot be installed so far, and why; empty if all of ``topology`` can."""
    found = [
        *_as_a_whole(topology),
        *(each for plane in structure.control_planes(topology) for each in _plane(topology, plane)),
        *_clusters(topology),
        *(each for gateway in structure.gateways(topology) for each in _gateway(gateway)),
        *(
            f"machine {machine.name!r}: machines cannot join a mesh so far"
            for machine in topology.machines
        ),
    ]
    return list(dict.fromkeys(found))


def _as_a_whole(topology: Topology) -> Iterator[str]:
    if topology.data_plane is not DataPlane.SIDECAR:
        yield f"data plane {topology.data_plane}: only sidecars can be installed so far"
    if len(topology.meshes) > 1:
        names = ", ".join(mesh.id for mesh in topology.meshes)
        yield f"meshes {names}: only one mesh can be installed so far"


def _clusters(topology: Topology) -> Iterator[str]:
    for cluster in topology.clusters:
        if cluster.role is not Role.PRIMARY:
            who = f"cluster {cluster.name!r} is {cluster.role}"
            yield f"{who}: only primaries can be installed so far"
        if cluster.domain != _DOMAIN:
            yield (
                f"cluster {cluster.name!r} has the domain {cluster.domain}:"
                f" only {_DOMAIN} can be installed so far"
            )
        planes = structure.control_planes_of(topology, cluster.name)
        if cluster.role is Role.PRIMARY and len(planes) > 1:
            names = ", ".join(plane.name for plane in planes)
            yield (
                f"cluster {cluster.name!r} has the control planes {names}:"
                " only one per cluster can be installed so far"
            )


def _plane(topology: Topology, plane: ControlPlane) -> Iterator[str]:
    who = f"control plane {plane.name!r}"
    if topology.cluster(plane.cluster).role is Role.EXTERNAL:
        yield f"{who} is external: only those of primaries can be installed so far"
    elif plane.external or {*plane.serves} != {plane.cluster}:
        served = ", ".join(plane.serves)
        yield f"{who} serves {served}: only its own cluster can be served so far"
    if plane.namespaces:
        yield f"{who} serves some namespaces only: all can be served so far"


def _gateway(gateway: Gateway) -> Iterator[str]:
    who = f"gateway {gateway.name!r} of cluster {gateway.cluster!r}"
    if gateway.class_name != "istio":
        yield f"{who} is of class {gateway.class_name}: only Deployments can be installed so far"
    if gateway.type != GatewayServiceType.LOAD_BALANCER:
        yield f"{who} has a Service of type {gateway.type}: only LoadBalancer can be had so far"
    if "istiod" in gateway.exposes:
        yield f"{who} exposes istiod: only services can be exposed so far"
    if gateway.port in [port for name, port in GATEWAY_PORTS.items() if name != "tls"]:
        yield f"{who} wants port {gateway.port}, which has another use there"
