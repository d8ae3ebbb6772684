"""What is written on the cards of a drawing: one for each cluster and machine of a topology."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.model import ClusterSpec, Role, Topology, plan_networks, structure
from harness.model.structure import ControlPlane, Gateway
from harness.model.topology import MachineSpec


@dataclass(frozen=True, slots=True)
class Content:
    """A card: ``kind`` is a role or ``machine``, ``note`` stands opposite to the name.

    ``control`` are the istiods in it, or who configures it; ``lines`` are facts in small print.
    """

    name: str
    kind: str
    note: str
    network: str
    control: tuple[str, ...]
    lines: tuple[str, ...]
    gateways: tuple[tuple[str, str], ...] = ()


def contents(topology: Topology, running: Mapping[str, str]) -> tuple[Content, ...]:
    """Return the cards of clusters, then of machines; ``running``: versions of Kubernetes."""
    clusters = (_cluster(topology, each, running) for each in topology.clusters)
    machines = (_machine(topology, each) for each in topology.machines)
    return (*clusters, *machines)


def captions(topology: Topology) -> Iterator[str]:
    """Yield what holds between networks and between meshes, in words."""
    segments = {topology.segment(each.name) for each in topology.networks}
    if len(segments) > 1:
        yield (
            "Between networks: API servers (6443) and gateway addresses only; "
            "no pod is reachable directly."
        )
    if len(segments) < len(topology.networks):
        yield "Networks in one frame route to each other, although their names differ."
    if topology.links == "none":
        yield "No control plane reads another cluster's API server."
    for mesh in topology.meshes:
        offers = [f"{each.host} to {', '.join(each.to) or 'all'}" for each in mesh.exports]
        facts = [
            f"trust domain {mesh.trust_domain}",
            *([f"trusts {', '.join(mesh.trusts)}"] if mesh.trusts else []),
            *([f"offers {', '.join(offers)}"] if offers else []),
        ]
        yield f"{mesh.id}: {'; '.join(facts)}."


def _cluster(topology: Topology, spec: ClusterSpec, running: Mapping[str, str]) -> Content:
    plan = plan_networks(topology).cluster(spec.name)
    version = running.get(spec.name) or spec.kubernetes or ""
    nodes = f"{len(spec.nodes)} node" + ("s" if len(spec.nodes) > 1 else "")
    places = sorted({node.zone for node in spec.nodes if node.zone})
    regions = sorted({region for node in spec.nodes if (region := node.region or spec.region)})
    where = "/".join(filter(None, [",".join(regions), ",".join(places)]))
    domain = f"domain {spec.domain}" if spec.domain != "cluster.local" else ""
    lines = (
        " · ".join(filter(None, [f"Kubernetes {version}" if version else "", nodes])),
        f"API {plan.api_address} · pods {plan.pods}",
        " · ".join(filter(None, [where, domain])),
    )
    mesh = spec.mesh if len(structure.meshes(topology)) > 1 else None
    return Content(
        name=spec.name,
        kind=str(spec.role),
        note=" · ".join(filter(None, [str(spec.role), mesh])),
        network=spec.network,
        control=tuple(_control(topology, spec)),
        lines=tuple(filter(None, lines)),
        gateways=tuple(_gateway(each) for each in structure.gateways_of(topology, spec.name)),
    )


def _control(topology: Topology, spec: ClusterSpec) -> Iterator[str]:
    """Say which istiods run in a cluster, or who configures it."""
    here = [each for each in structure.control_planes(topology) if each.cluster == spec.name]
    yield from (_istiod(topology, each) for each in here)
    if not here and spec.role is not Role.EXTERNAL:
        serving = structure.control_planes_of(topology, spec.name)
        yield f"configured by {', '.join(plane.cluster for plane in serving)}"


def _istiod(topology: Topology, plane: ControlPlane) -> str:
    own = topology.cluster(plane.cluster).mesh
    facts = (
        "istiod" if plane.name == plane.cluster else f"istiod {plane.name}",
        f"{plane.replicas} replicas" if plane.replicas > 1 else "",
        plane.revision if plane.revision != plane.name else "",
        plane.version,
        plane.mesh if own and plane.mesh != own else "",
    )
    return " · ".join(filter(None, facts))


def _gateway(gateway: Gateway) -> tuple[str, str]:
    exposed = " and ".join(sorted(gateway.exposes, reverse=True))
    kind = gateway.type if gateway.type != "LoadBalancer" else ""
    sort = " · ".join(filter(None, (f"exposes {exposed}", kind, gateway.class_name)))
    return f"{gateway.name}:{gateway.port}", sort


def _machine(topology: Topology, spec: MachineSpec) -> Content:
    address = plan_networks(topology).machine(spec.name).address
    return Content(
        name=spec.name,
        kind="machine",
        note="machine",
        network=spec.network,
        control=(f"workload of {spec.cluster}",),
        lines=(f"at {address}", f"account {spec.namespace}/{spec.account}"),
    )
