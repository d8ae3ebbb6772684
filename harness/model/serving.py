"""Contradictions in who serves, reads and reaches whom, as it follows from a declaration."""

from collections.abc import Collection, Iterator

from harness.model.plan import NODE_PORT
from harness.model.problem import Problem, Where
from harness.model.structure import (
    ControlPlane,
    Member,
    control_planes,
    control_planes_of,
    gateways,
    members,
    mesh_of,
    meshes,
)
from harness.model.topology import (
    CertificateAuthority,
    GatewayAddress,
    GatewayServiceType,
    MeshSpec,
    Role,
    Topology,
)


def misarranged(topology: Topology, told: Collection[Where] = ()) -> Iterator[Problem]:
    """Yield contradictions between what follows from the declaration; all names are known.

    ``told`` are the places of clusters whose role is known to be wrong: nothing is said of them.
    """
    yield from _of_control_planes(topology)
    yield from (each for each in _of_serving(topology) if each.where not in told)
    yield from _of_gateways(topology)
    yield from (each for each in _of_reach(topology) if each.where not in told)
    yield from _of_domains(topology)
    yield from _of_meshes(topology)


def _of_control_planes(topology: Topology) -> Iterator[Problem]:
    taken: dict[tuple[str, str], str] = {}
    for index, plane in enumerate(control_planes(topology)):
        where = _plane(topology, index, plane)
        label = f"revision {plane.revision!r}" if plane.revision else "no revision"
        other = taken.setdefault((plane.cluster, plane.revision), plane.name)
        if other != plane.name:
            message = f"control planes {other!r} and {plane.name!r} both have {label} in"
            yield Problem(where, f"{message} cluster {plane.cluster!r}")
        yield from (Problem(where, message) for message in _of_control_plane(topology, plane))


def _of_control_plane(topology: Topology, plane: ControlPlane) -> Iterator[str]:
    name = f"control plane {plane.name!r}"
    for served in plane.serves:
        if (other := mesh_of(topology, served)) != plane.mesh and not plane.namespaces:
            yield f"{name} of mesh {plane.mesh!r} serves cluster {served!r} of mesh {other!r}"
    if topology.links == "none" and set(plane.reads) - set(plane.serves):
        yield f"{name} reads other clusters, but 'links' is none"
    if plane.config_cluster in plane.reads:
        yield f"{name} reads {plane.config_cluster!r} without being told: it is configured there"
    if plane.config_cluster not in plane.serves:
        config = plane.config_cluster
        yield f"{name} takes configuration from a cluster that it does not serve: {config!r}"


def _plane(topology: Topology, index: int, plane: ControlPlane) -> Where:
    if index < len(topology.control_planes):
        return ("control_planes", index)
    return ("clusters", [each.name for each in topology.clusters].index(plane.cluster))


def _of_serving(topology: Topology) -> Iterator[Problem]:
    for index, cluster in enumerate(topology.clusters):
        serving = control_planes_of(topology, cluster.name)
        if cluster.role is not Role.EXTERNAL and not serving:
            message = f"no control plane serves cluster {cluster.name!r}"
            yield Problem(("clusters", index), message)
        if cluster.role is Role.EXTERNAL and serving:
            message = f"cluster {cluster.name!r} is external, and yet {serving[0].name!r} serves it"
            yield Problem(("clusters", index), message)


def _of_gateways(topology: Topology) -> Iterator[Problem]:
    taken: set[tuple[str, ...]] = set()
    hosts = {plane.cluster for plane in control_planes(topology)}
    for index, gateway in enumerate(gateways(topology)):
        where: Where = ("gateways", index) if topology.gateways else ("clusters",)
        key = (gateway.cluster, gateway.namespace, gateway.name)
        if key in taken:
            message = f"gateway name {gateway.name!r} is used twice in namespace"
            yield Problem(where, f"{message} {gateway.namespace!r} of {gateway.cluster!r}")
        if "istiod" in gateway.exposes and gateway.cluster not in hosts:
            message = f"gateway {gateway.name!r} exposes istiod, but none runs in"
            yield Problem(where, f"{message} cluster {gateway.cluster!r}")
        if (
            gateway.type != GatewayServiceType.LOAD_BALANCER
            and gateway.address != GatewayAddress.IP
        ):
            message = f"gateway {gateway.name!r} of {gateway.cluster!r} has no load balancer"
            yield Problem(where, f"{message} that could give it {gateway.address!r}")
        if gateway.seen_from and gateway.address != GatewayAddress.SEVERAL_IPS:
            message = f"gateway {gateway.name!r} of {gateway.cluster!r} has one address, so all see"
            yield Problem(
                where, f"{message} the same: give it address {GatewayAddress.SEVERAL_IPS}"
            )
        if gateway.type == GatewayServiceType.NODE_PORT:
            if (gateway.cluster, "node port") in taken:
                message = f"cluster {gateway.cluster!r} has two gateways at one port of its nodes"
                yield Problem(where, f"{message}: {NODE_PORT}")
            taken.add((gateway.cluster, "node port"))
        taken.add(key)


def _of_reach(topology: Topology) -> Iterator[Problem]:
    """Yield who is on another segment than all of its control planes, without a gateway to one."""
    ways_in = {each.cluster for each in gateways(topology) if "istiod" in each.exposes}
    for where, member in _users(topology):
        hosts = {plane.cluster for plane in control_planes_of(topology, member.cluster)}
        here = topology.segment(member.network)
        near = {each for each in hosts if topology.segment(topology.cluster(each).network) == here}
        if hosts and not near and not hosts & ways_in:
            kind = "machine" if member.machine else "cluster"
            message = (
                f"{kind} {member.name!r} does not reach its istiod: no gateway exposes that in"
            )
            yield Problem(where, f"{message} {' or '.join(map(repr, sorted(hosts)))}")


def _of_domains(topology: Topology) -> Iterator[Problem]:
    """Yield who is called by another DNS domain than a control plane gives to all Services."""
    order = {each.name: index for index, each in enumerate(topology.clusters)}
    told: set[frozenset[str]] = set()
    for plane in control_planes(topology):
        for name in sorted({*plane.serves, *plane.reads} & order.keys()):
            domain, both = topology.cluster(name).domain, frozenset({name, plane.config_cluster})
            if domain != plane.domain and both not in told:
                told.add(both)
                message = f"cluster {name!r} has the domain {domain}, and control plane"
                message += f" {plane.name!r}, which knows its Services, {plane.domain}"
                yield Problem(("clusters", order[name], "domain"), message)


def _users(topology: Topology) -> Iterator[tuple[Where, Member]]:
    order: dict[str, Where] = {
        **{each.name: ("clusters", index) for index, each in enumerate(topology.clusters)},
        **{each.name: ("machines", index) for index, each in enumerate(topology.machines)},
    }
    yield from ((order[member.name], member) for member in members(topology))


def _of_meshes(topology: Topology) -> Iterator[Problem]:
    for index, mesh in enumerate(meshes(topology)):
        if mesh.id in mesh.trusts:
            message = f"mesh {mesh.id!r} need not say that it trusts itself"
            yield Problem(("meshes", index, "trusts"), message)
        for number, export in enumerate(mesh.exports):
            if mesh.id in export.to:
                message = f"mesh {mesh.id!r} exports {export.host!r} to itself"
                yield Problem(("meshes", index, "exports", number, "to"), message)
        planes = [plane for plane in control_planes(topology) if plane.mesh == mesh.id]
        if topology.meshes and not planes:
            yield Problem(("meshes", index), f"no control plane is of mesh {mesh.id!r}")
        if mesh.ca is CertificateAuthority.SELF_SIGNED:
            yield from _of_self_signed(topology, index, mesh, len(planes))


def _of_self_signed(
    topology: Topology, index: int, mesh: MeshSpec, planes: int
) -> Iterator[Problem]:
    """Yield who would have to trust a root that nobody has before istiod makes it."""
    where: Where = ("meshes", index, "ca")
    if planes > 1:
        message = f"mesh {mesh.id!r} has {planes} control planes: each would make a root of its own"
        yield Problem(where, f"{message}, which the others do not trust")
    for other in meshes(topology):
        if mesh.id in other.trusts:
            message = f"mesh {other.id!r} cannot be given the root of mesh {mesh.id!r}"
            yield Problem(where, f"{message}, as istiod makes it")
    if mesh.root and mesh.root != mesh.id:
        message = f"mesh {mesh.id!r} hangs from root {mesh.root!r}, and is self-signed"
        yield Problem(where, message)
