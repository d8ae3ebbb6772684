"""One cluster of the lab, with hands: whatever a check changes in it is put back."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from harness.converge import Budget, NotConverged, eventually
from harness.kube import Kube, Manifest
from harness.meshes.base import UPSTREAM, MeshShape
from harness.model import Cluster, ClusterPlan, Lab
from harness.probes.caller import Caller, as_caller
from harness.probes.cluster_view import ready_pods
from harness.workloads.restoring import bring_back, unpatch
from harness.workloads.rollout import Progress, why_not

_ROLLOUT = Budget(timeout=90, interval=0.1, firm=True)


@dataclass(frozen=True)
class Site:
    """A cluster, its part of the plan, its API server, and the names of the mesh in it.

    The context managers undo exactly what they did, also when their block raises: what was
    there before is there again, what was not is gone. They restore one object each; a
    Namespace's contents are not among the things that can be brought back.
    """

    cluster: Cluster
    plan: ClusterPlan
    kube: Kube
    shape: MeshShape = UPSTREAM

    @classmethod
    def of(cls, lab: Lab, name: str, shape: MeshShape | None = None) -> "Site":
        """Return the site of the cluster called ``name``; without ``shape``, as upstream names."""
        cluster = lab.cluster(name)
        return cls(cluster, lab.plan_of(name), Kube(cluster.kubeconfig), shape or UPSTREAM)

    @property
    def name(self) -> str:
        """The cluster's name."""
        return self.cluster.name

    @property
    def network(self) -> str:
        """The network that the cluster is on."""
        return self.cluster.network

    def __str__(self) -> str:
        """Return the cluster's name."""
        return self.name

    def apply(self, *manifests: Manifest) -> None:
        """Apply ``manifests`` in order."""
        for manifest in manifests:
            self.kube.apply(manifest)

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
        return as_caller(self, newest)

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
        try:
            self.kube.patch(kind, name, patch, namespace)
            yield
        finally:
            unpatch(self.kube, kind, name, namespace, patch, before)

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
