"""Contradictions between the parts of a topology that are well-formed on their own."""

from collections import Counter
from collections.abc import Iterable, Iterator

from harness.model.problem import Problem, Where
from harness.model.ranges import malformed, overlaps
from harness.model.serving import misarranged
from harness.model.topology import ClusterSpec, DataPlane, Role, Topology


def problems(topology: Topology) -> list[Problem]:
    """Return every contradiction in ``topology``; empty if it can be planned.

    What follows from a declaration is looked at where all names that it uses are known, and
    ranges of addresses where they are ranges: a mistake is not told again by its consequences.
    """
    names = [*_repeated_names(topology), *_unknown_names(topology)]
    roles = [*_roles(topology)]
    meshless = [*_meshless(topology)]
    ranges = [*malformed(topology)]
    return [
        *names,
        *roles,
        *meshless,
        *_senseless(topology),
        *ranges,
        *([] if names or meshless else misarranged(topology, {each.where for each in roles})),
        *([] if names or ranges else overlaps(topology)),
    ]


def _repeated_names(topology: Topology) -> Iterator[Problem]:
    for section, key, names in (
        ("networks", "name", [each.name for each in topology.networks]),
        ("clusters", "name", [each.name for each in topology.clusters]),
        ("meshes", "id", [each.id for each in topology.meshes]),
        ("control_planes", "name", [each.name for each in topology.control_planes]),
        ("machines", "name", [each.name for each in topology.machines]),
    ):
        yield from _repeated(section, key, names)
    clusters = {each.name for each in topology.clusters}
    for index, machine in enumerate(topology.machines):
        if machine.name in clusters:
            message = f"machine name {machine.name!r} is the name of a cluster as well"
            yield Problem(("machines", index, "name"), message)


def _repeated(section: str, key: str, names: Iterable[str]) -> Iterator[Problem]:
    listed = list(names)
    for name, count in Counter(listed).items():
        if count > 1:
            last = len(listed) - 1 - listed[::-1].index(name)
            kind = {"meshes": "mesh"}.get(section, section.removesuffix("s").replace("_", " "))
            yield Problem((section, last, key), f"{kind} {key} {name!r} is used more than once")


def _unknown_names(topology: Topology) -> Iterator[Problem]:
    networks = {network.name for network in topology.networks}
    clusters = {cluster.name for cluster in topology.clusters}
    known_meshes = {each.id for each in topology.meshes}
    for where, what, name, known in _references(topology, networks, clusters, known_meshes):
        if name not in known:
            key = next(each for each in reversed(where) if isinstance(each, str))
            verb, noun = _NAMED.get(key, ("names", "cluster"))
            listed = ", ".join(sorted(known)) or "none"
            yield Problem(where, f"{what} {verb} unknown {noun} {name!r}; declared: {listed}")


#: How a key refers to something else, where it is not by naming a cluster.
_NAMED = {
    "cluster": ("is of", "cluster"),
    "mesh": ("is of", "mesh"),
    "network": ("is on", "network"),
    "seen_from": ("is seen from", "network"),
    "to": ("exports to", "mesh"),
    "trusts": ("trusts", "mesh"),
}

Reference = tuple[Where, str, str, set[str]]


def _references(
    topology: Topology, networks: set[str], clusters: set[str], known_meshes: set[str]
) -> Iterator[Reference]:
    """Yield every name that a part of the topology uses of another: place, who, name, known."""
    for index, cluster in enumerate(topology.clusters):
        place, who = ("clusters", index), f"cluster {cluster.name!r}"
        yield (*place, "network"), who, cluster.network, networks
        if cluster.mesh is not None:
            yield (*place, "mesh"), who, cluster.mesh, known_meshes
    for index, plane in enumerate(topology.control_planes):
        place, who = ("control_planes", index), f"control plane {plane.name!r}"
        yield (*place, "cluster"), who, plane.cluster, clusters
        yield from (((*place, "serves"), who, name, clusters) for name in plane.serves)
        yield from (((*place, "reads"), who, name, clusters) for name in plane.reads or ())
        if plane.config_cluster is not None:
            yield (*place, "config_cluster"), who, plane.config_cluster, clusters
        if plane.mesh is not None:
            yield (*place, "mesh"), who, plane.mesh, known_meshes
    yield from _other_references(topology, networks, clusters, known_meshes)


def _other_references(
    topology: Topology, networks: set[str], clusters: set[str], known_meshes: set[str]
) -> Iterator[Reference]:
    for index, gateway in enumerate(topology.gateways or ()):
        place, who = ("gateways", index), f"gateway {gateway.name!r}"
        yield (*place, "cluster"), who, gateway.cluster, clusters
        if gateway.network is not None:
            yield (*place, "network"), who, gateway.network, networks
        yield from (((*place, "seen_from"), who, name, networks) for name in gateway.seen_from)
    for index, machine in enumerate(topology.machines):
        place, who = ("machines", index), f"machine {machine.name!r}"
        yield (*place, "network"), who, machine.network, networks
        yield (*place, "cluster"), who, machine.cluster, clusters
    for index, mesh in enumerate(topology.meshes):
        place, who = ("meshes", index), f"mesh {mesh.id!r}"
        yield from (((*place, "trusts"), who, name, known_meshes) for name in mesh.trusts)
        for number, export in enumerate(mesh.exports):
            to = (*place, "exports", number, "to")
            yield from ((to, who, name, known_meshes) for name in export.to)


def _roles(topology: Topology) -> Iterator[Problem]:
    primaries = {cluster.name for cluster in topology.primaries}
    if not primaries and not topology.control_planes:
        yield Problem(("clusters",), "no cluster is a primary: nothing would configure the mesh")
    served = {name for plane in topology.control_planes for name in plane.serves}
    for index, cluster in enumerate(topology.clusters):
        if message := _role_problem(topology, cluster, primaries, served):
            yield Problem(("clusters", index), message)


def _role_problem(
    topology: Topology, cluster: ClusterSpec, primaries: set[str], served: set[str]
) -> str:
    name = f"cluster {cluster.name!r}"
    if cluster.role is not Role.REMOTE:
        hosts = any(plane.cluster == cluster.name for plane in topology.control_planes)
        if cluster.role is Role.EXTERNAL and not hosts:
            return f"{name} is external and hosts no control plane; declare one, or leave it out"
        return f"{name} is no remote and has no use for 'primary'" if cluster.primary else ""
    if not cluster.primary and cluster.name not in served:
        return f"{name} is a remote that nobody serves; add 'primary: NAME'"
    if others := sorted(set(cluster.primary) - primaries):
        known = ", ".join(sorted(primaries)) or "none"
        return f"{name} names {', '.join(map(repr, others))} as its primary; primaries: {known}"
    return ""


def _meshless(topology: Topology) -> Iterator[Problem]:
    """Several meshes: every member says of which one it is."""
    if len(topology.meshes) < 2:
        return
    for index, cluster in enumerate(topology.clusters):
        if cluster.mesh is None and cluster.role is not Role.EXTERNAL:
            known = ", ".join(each.id for each in topology.meshes)
            message = f"cluster {cluster.name!r} does not say of which mesh it is; there are: "
            yield Problem(("clusters", index), message + known)


def _senseless(topology: Topology) -> Iterator[Problem]:
    """Yield what says nothing, or cannot be had, beside something else that is declared."""
    if topology.meshes:
        for key, instead in (("mesh_id", "id"), ("trust_domain", "trust_domain")):
            if key in topology.model_fields_set:
                message = (
                    f"{key} is that of the only mesh; 'meshes' are declared, each with '{instead}'"
                )
                yield Problem((key,), message)
    if topology.data_plane is DataPlane.AMBIENT and topology.machines:
        yield Problem(("machines",), "ambient meshes have no machines")
    yield from _misplaced(topology)


def _misplaced(topology: Topology) -> Iterator[Problem]:
    external = {each.name for each in topology.clusters if each.role is Role.EXTERNAL}
    remote = {each.name for each in topology.clusters if each.role is Role.REMOTE}
    for index, machine in enumerate(topology.machines):
        if machine.cluster in external:
            message = (
                f"machine {machine.name!r} is of cluster {machine.cluster!r}, which is external"
            )
            yield Problem(("machines", index, "cluster"), f"{message}: no member of a mesh")
    for index, plane in enumerate(topology.control_planes):
        if plane.cluster in remote:
            message = (
                f"control plane {plane.name!r} runs in cluster {plane.cluster!r}, which is remote"
            )
            yield Problem(("control_planes", index, "cluster"), f"{message}; make it a primary")
