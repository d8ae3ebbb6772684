"""One cluster of the lab, with hands: whatever a check changes in it is put back."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

from harness.converge import Budget, NotConverged, eventually
from harness.kube import Kube, Manifest
from harness.meshes.base import UPSTREAM_SHAPE, MeshShape
from harness.model import Cluster, ClusterPlan, Gateway, Import, Lab, PairKind, structure
from harness.phases import to_stderr
from harness.probes import access
from harness.probes.caller import Caller, Notice, as_caller
from harness.probes.cluster_view import ready_pods
from harness.workloads.echo import Echo
from harness.workloads.restoring import bring_back, unpatch
from harness.workloads.rollout import Progress, why_not

_ROLLOUT = Budget(timeout=90, interval=0.1, firm=True)
_TOLD = Budget(timeout=30, interval=0.1, firm=True)


@dataclass(frozen=True)
class Site:
    """A cluster, its part of the plan, its API server, and the names of the mesh in it.

    The context managers undo exactly what they did, also when their block raises: what was
    there before is there again, what was not is gone. They restore one object each; a
    Namespace's contents are not among the things that can be brought back. ``on_repeat`` is told
    of calls that its callers had to make twice. ``gateways`` are its east-west gateways, as
    declared; ``served_by`` and ``configured_by`` are the clusters in which the control planes
    run that serve it, and those that they take configuration from: none is itself. ``linked``
    are the clusters whose endpoints they hand to it. ``mesh`` is the ID of the mesh that it is
    part of, ``imports`` are the services of other meshes that this one may use.
    """

    cluster: Cluster
    plan: ClusterPlan
    kube: Kube
    shape: MeshShape = UPSTREAM_SHAPE
    on_repeat: Notice = field(default=to_stderr, repr=False, compare=False)
    gateways: tuple[Gateway, ...] = field(default=(), repr=False, compare=False)
    served_by: tuple["Site", ...] = field(default=(), repr=False, compare=False)
    configured_by: tuple["Site", ...] = field(default=(), repr=False, compare=False)
    linked: frozenset[str] = frozenset()
    mesh: str = ""
    imports: tuple[Import, ...] = field(default=(), repr=False, compare=False)

    @classmethod
    def of(
        cls,
        lab: Lab,
        name: str,
        shape: MeshShape | None = None,
        *,
        on_repeat: Notice = to_stderr,
    ) -> "Site":
        """Return the site of the cluster called ``name``; without ``shape``, as upstream names."""
        cluster, plan = lab.cluster(name), lab.plan_of(name)
        gateways = structure.gateways_of(lab.topology, name)
        kube = Kube(cluster.kubeconfig)
        return cls(cluster, plan, kube, shape or UPSTREAM_SHAPE, on_repeat, gateways)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.cluster.name

    @property
    def network(self) -> str:
        """The network that the cluster is on."""
        return self.cluster.network

    @property
    def control_planes(self) -> tuple["Site", ...]:
        """The clusters in which the control planes run that serve it: of a primary, itself."""
        return self.served_by or (self,)

    @property
    def control_plane(self) -> "Site":
        """The first of them."""
        return self.control_planes[0]

    @property
    def config(self) -> "Site":
        """The cluster whose API server its (first) control plane takes configuration from."""
        return self.configs[0]

    @property
    def configs(self) -> tuple["Site", ...]:
        """The clusters from which all control planes that serve it take configuration."""
        return self.configured_by or (self,)

    def identity(self, namespace: str, account: str) -> str:
        """Return the SPIFFE URI of an account in this cluster."""
        return f"spiffe://{self.shape.trust_domain}/ns/{namespace}/sa/{account}"

    def __str__(self) -> str:
        """Return the cluster's name."""
        return self.name

    def apply(self, *manifests: Manifest) -> None:
        """Apply ``manifests`` in order."""
        for manifest in manifests:
            self.kube.apply(manifest)

    def deploy(self, *echoes: Echo) -> None:
        """Apply agents, with what lets the harness speak to them; their namespaces exist."""
        for space in dict.fromkeys(echo.namespace for echo in echoes):
            access.grant(self.kube, space)
        for echo in echoes:
            self.apply(*echo.manifests(self.name))

    def rolled_out(self, deployment: str, namespace: str, *, budget: Budget = _ROLLOUT) -> None:
        """Wait until every replica is of the newest template and available, and no other left.

        :class:`NotConverged` says why the pods are not ready: events with the last probe,
        states of containers, last log lines.
        """
        what = f"{namespace}/{deployment} is rolled out in {self.name}"
        try:
            eventually(
                lambda: Progress.of(self.kube.get("Deployment", deployment, namespace)),
                lambda seen: seen.complete,
                what=what,
                budget=budget,
            )
        except NotConverged as error:
            why = f"{error.last}\n{why_not(self.kube, deployment, namespace)}"
            raise NotConverged(what, error.budget, error.looks, why) from None

    def await_root(self, namespace: str) -> None:
        """Wait until workloads of a namespace, machines among them, are told the mesh's root."""
        eventually(
            lambda: self.kube.find("ConfigMap", self.shape.published_root, namespace),
            bool,
            what=f"namespace {namespace} of {self} is told the root of the mesh",
            budget=_TOLD,
        )

    def restart(self, deployment: str, namespace: str) -> None:
        """Replace the pods of a Deployment, and wait for the new ones."""
        stamp = {"meshproof.io/restarted": uuid4().hex}
        template = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        self.kube.patch("Deployment", deployment, template, namespace)
        self.rolled_out(deployment, namespace)

    def pods(self, namespace: str, app: str) -> list[Manifest]:
        """Return the pods labelled ``app`` that are ready and not on their way out."""
        return ready_pods(self.kube, namespace, f"app={app}")

    def emptied(self, namespace: str, labels: str) -> None:
        """Wait until no pod with ``labels`` is left, not even one that still drains."""
        eventually(
            lambda: self.kube.list("Pod", namespace, labels=labels),
            lambda pods: not pods,
            what=f"no pod {labels} is left in {namespace} of {self.name}",
            budget=_ROLLOUT,
        )

    def caller(self, namespace: str, app: str) -> Caller:
        """Return the newest ready pod labelled ``app`` as a caller; waits a moment for one."""
        pods = eventually(
            lambda: self.pods(namespace, app),
            bool,
            what=f"{namespace}/{app} has a ready pod in {self.name}",
            budget=Budget(timeout=30, interval=0.2, firm=True),
        )
        newest = max(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]))
        return as_caller(self, newest, on_repeat=self.on_repeat)

    @contextmanager
    def applied(self, *manifests: Manifest) -> Iterator[None]:
        """Apply ``manifests``; afterwards restore what they changed, delete what they made."""
        with ExitStack() as undo:
            for manifest in manifests:
                metadata = manifest["metadata"]
                place = (manifest["kind"], metadata["name"], metadata.get("namespace"))
                undo.callback(self._keeper(*place))
                self.kube.apply(manifest)
            yield

    @contextmanager
    def patched(
        self, kind: str, name: str, patch: Manifest, namespace: str | None = None
    ) -> Iterator[None]:
        """Merge ``patch`` into an object; afterwards the same fields have their old values."""
        before = self.kube.get(kind, name, namespace)
        after: Manifest | None = None
        try:
            after = self.kube.patch(kind, name, patch, namespace)
            yield
        finally:
            unpatch(self.kube, kind, name, namespace, patch, before=before, after=after)

    @contextmanager
    def deleted(self, kind: str, name: str, namespace: str | None = None) -> Iterator[None]:
        """Run without an object: it is gone when the block begins, and back when it ends."""
        undo = self._keeper(kind, name, namespace)
        try:
            self.kube.gone(kind, name, namespace)
            yield
        finally:
            undo()

    @contextmanager
    def scaled(self, deployment: str, namespace: str, replicas: int) -> Iterator[None]:
        """Run with ``replicas``: all ready when the block begins, the old number when it ends.

        Pods that are still draining do not count: no Service leads to them any more.
        """
        before = int(self.kube.get("Deployment", deployment, namespace)["spec"]["replicas"])
        try:
            self.kube.scale(deployment, namespace, replicas)
            self.rolled_out(deployment, namespace)
            yield
        finally:
            self.kube.scale(deployment, namespace, before)
            self.rolled_out(deployment, namespace)

    def _keeper(self, kind: str, name: str, namespace: str | None) -> Callable[[], None]:
        """Remember an object (or its absence); return what brings it back."""
        before = self.kube.find(kind, name, namespace)
        return lambda: bring_back(self.kube, kind, name, namespace, before)


def member_sites(
    lab: Lab, shapes: Mapping[str, MeshShape], *, on_repeat: Notice = to_stderr
) -> tuple[Site, ...]:
    """Return the clusters that hold workloads, each with the clusters that serve it.

    In the order of the topology; ``shapes`` (of the mesh) are by cluster name.
    """
    alone = {
        each.name: Site.of(lab, each.name, shapes.get(each.name), on_repeat=on_repeat)
        for each in lab.clusters
    }
    for plane in structure.control_planes(lab.topology):
        if plane.external:
            config = alone[plane.config_cluster]
            alone[plane.cluster] = replace(alone[plane.cluster], configured_by=(config,))

    def served(name: str) -> Site:
        planes = structure.control_planes_of(lab.topology, name)
        mesh = structure.mesh_of(lab.topology, name)
        return replace(
            alone[name],
            served_by=tuple(alone[plane.cluster] for plane in planes),
            configured_by=tuple(alone[plane.config_cluster] for plane in planes),
            linked=frozenset(
                other
                for one, other, relation in structure.relations(lab.topology)
                if one == name and PairKind.LINKED.holds(relation)
            ),
            mesh=mesh,
            imports=structure.imports(lab.topology, mesh),
        )

    return tuple(served(each.name) for each in lab.topology.members)


def governing(sites: Iterable[Site]) -> list[Site]:
    """Return the clusters in which the control planes of ``sites`` run, each once."""
    return _once(plane for site in sites for plane in site.control_planes)


def configuring(sites: Iterable[Site]) -> list[Site]:
    """Return the clusters that supply the configuration of ``sites``, each once."""
    return _once(config for site in sites for config in site.configs)


def _once(sites: Iterable[Site]) -> list[Site]:
    return list({site.name: site for site in sites}.values())
