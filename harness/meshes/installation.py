"""An installation as data: what every cluster gets, in which steps, and what each step waits for.

A mesh plans it from a topology alone; it can be printed before anything exists, and carried out
on any lab of that topology. Keys are in its manifests, and in nothing that it prints.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from harness.kube import Kube, Manifest
from harness.meshes import waiting
from harness.meshes.base import MeshShape
from harness.model import Lab
from harness.model.structure import ControlPlane, Gateway


class Clusters:
    """The clusters of a lab as steps reach them: one client each, made once."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._kubes = {each.name: Kube(each.kubeconfig) for each in lab.clusters}

    def kube(self, cluster: str) -> Kube:
        """Return the API server of the cluster called so."""
        return self._kubes[cluster]

    def server(self, cluster: str) -> str:
        """Return the URL by which other clusters reach its API server."""
        return self._lab.cluster(cluster).server

    def kubeconfig(self, cluster: str) -> str:
        """Return the path of its kubeconfig."""
        return self._lab.cluster(cluster).kubeconfig


class Action(Protocol):
    """What a step does in its cluster; plain data that can carry itself out."""

    @property
    def manifests(self) -> Sequence[Manifest]:
        """The objects that are in the cluster afterwards because of it."""
        ...

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Do it; return when it is done."""
        ...

    def __str__(self) -> str:
        """Say it in a few words, without anything secret."""
        ...


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply objects: Namespaces first, then the others several at once.

    ``late``: their kind may still be on its way into the API server.
    """

    manifests: Sequence[Manifest] = field(repr=False)
    late: bool = False

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Apply them."""
        waiting.apply(clusters.kube(cluster), self.manifests, where=cluster, late=self.late)

    def __str__(self) -> str:
        kinds = [manifest["kind"] for manifest in self.manifests]
        if len(kinds) < 4:
            return "apply " + ", ".join(map(named, self.manifests))
        return "apply " + ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


@dataclass(frozen=True, slots=True)
class Await:
    """Wait until an object is as ``until`` wants it; ``what`` says so ("istiod is ready")."""

    kind: str
    name: str
    namespace: str | None
    until: Callable[[Manifest], bool]
    what: str
    timeout: float = 60.0
    manifests: Sequence[Manifest] = ()

    def carry_out(self, clusters: Clusters, cluster: str) -> None:
        """Watch it until then."""
        waiting.watched(
            clusters.kube(cluster),
            self.kind,
            self.name,
            self.namespace,
            self.until,
            what=f"{self.what} in {cluster}",
            timeout=self.timeout,
        )

    def __str__(self) -> str:
        return f"wait until {self.what}"


@dataclass(frozen=True, slots=True)
class Step:
    """Something to be done in a cluster once all steps of ``after`` are done."""

    name: str
    cluster: str
    action: Action
    after: tuple[str, ...] = ()

    def __str__(self) -> str:
        waits = f" (after {', '.join(self.after)})" if self.after else ""
        return f"{self.name}: {self.action}{waits}"


@dataclass(frozen=True, slots=True)
class Installation:
    """A mesh on a topology. Steps follow the order in which they are written where they may.

    ``networks`` and ``shapes`` are by cluster; ``versions`` are by control plane.
    """

    mesh: str
    topology: str
    steps: tuple[Step, ...] = ()
    shapes: Mapping[str, MeshShape] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    control_planes: tuple[ControlPlane, ...] = ()
    gateways: tuple[Gateway, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse steps that could never be carried out: that is a mistake of a mesh."""
        known: set[str] = set()
        for step in self.steps:
            if step.name in known or not known.issuperset(step.after):
                wrong = "is there twice" if step.name in known else "waits for a later step"
                raise ValueError(f"step {step.name!r} {wrong}")
            known.add(step.name)

    def manifests(self, cluster: str) -> list[Manifest]:
        """Return every object that the steps bring into a cluster, keys included."""
        return [
            manifest
            for step in self.steps
            if step.cluster == cluster
            for manifest in step.action.manifests
        ]

    @property
    def clusters(self) -> tuple[str, ...]:
        """The clusters in which something is done, in the order of the steps."""
        return tuple(dict.fromkeys(step.cluster for step in self.steps))

    def dump(self) -> dict[str, Any]:
        """Return all of it as plain data for a reader; of Secrets only the names of their keys."""
        return {
            "mesh": self.mesh,
            "topology": self.topology,
            "networks": dict(self.networks),
            "control planes": [_plain(each) for each in self.control_planes],
            "versions": dict(self.versions),
            "gateways": [_plain(each) for each in self.gateways],
            "secrets": {cluster: list(self._secrets(cluster)) for cluster in self.clusters},
            "steps": [_told(step) for step in self.steps],
            "manifests": {
                cluster: [redacted(each) for each in self.manifests(cluster)]
                for cluster in self.clusters
            },
        }

    def __str__(self) -> str:
        """Say it in lines: what is where, then the steps."""
        heads = [f"{self.mesh} on {self.topology}"]
        heads += [
            f"control plane {each.name}: {each.namespace} of {each.cluster},"
            f" version {self.versions.get(each.name, '?')}, trust domain {each.trust_domain},"
            f" reads {', '.join(each.reads) or 'no other cluster'}"
            for each in self.control_planes
        ]
        heads += [
            f"gateway {each.namespace}/{each.name} of {each.cluster}:"
            f" port {each.port} into {each.network}"
            for each in self.gateways
        ]
        return "\n".join([*heads, *map(str, self.steps)])

    def __repr__(self) -> str:
        return f"<installation of {self.mesh} on {self.topology}, {len(self.steps)} steps>"

    def _secrets(self, cluster: str) -> Iterator[str]:
        for manifest in self.manifests(cluster):
            if manifest["kind"] == "Secret":
                yield f"{manifest['metadata']['namespace']}/{manifest['metadata']['name']}"


def named(manifest: Manifest) -> str:
    """Return kind and name of an object."""
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def redacted(manifest: Manifest) -> Manifest:
    """Return an object without what a Secret holds, but for the names of its keys."""
    if manifest["kind"] != "Secret":
        return manifest
    hidden: Manifest = {
        field: dict.fromkeys(manifest[field], "(hidden)")
        for field in ("data", "stringData")
        if field in manifest
    }
    return {**manifest, **hidden}


def _told(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "cluster": step.cluster,
        "does": str(step.action),
        "after": list(step.after),
    }


def _plain(noun: ControlPlane | Gateway) -> dict[str, Any]:
    found = {name: getattr(noun, name) for name in noun.__dataclass_fields__}
    return {name: _jsonable(value) for name, value in found.items() if value not in ("", (), {})}


def _jsonable(value: object) -> object:
    if isinstance(value, tuple | frozenset):
        return sorted(value) if isinstance(value, frozenset) else list(value)
    return dict(value) if isinstance(value, Mapping) else value
