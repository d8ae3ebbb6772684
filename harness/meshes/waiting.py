"""Apply objects to a cluster, and wait for them by watching: nothing is asked twice in vain."""

import time
from collections.abc import Callable, Sequence

from harness.converge import Budget, NotConverged, concurrently, eventually
from harness.kube import Kube, Manifest
from harness.meshes.addresses import external_addresses
from harness.model import ApiError

#: Requests in flight at once per cluster: more only queue up in the API server.
_PARALLEL = 6


def apply(kube: Kube, manifests: Sequence[Manifest], *, where: str, late: bool = False) -> None:
    """Apply objects that do not depend on each other, several at once, Namespaces before all.

    ``late``: their kind may still be on its way into the API server.
    """

    def one(manifest: Manifest) -> None:
        if late:
            _apply_late(kube, manifest, where)
        else:
            kube.apply(manifest)

    def in_order(share: Sequence[Manifest]) -> None:
        for manifest in share:
            one(manifest)

    in_order([each for each in manifests if each["kind"] == "Namespace"])
    rest = [each for each in manifests if each["kind"] != "Namespace"]
    shares = [rest[offset::_PARALLEL] for offset in range(_PARALLEL)]
    if rest:
        concurrently(in_order, [share for share in shares if share])


def _apply_late(kube: Kube, manifest: Manifest, where: str) -> None:
    def trouble() -> str:
        try:
            kube.apply(manifest)
        except ApiError as error:
            return str(error)
        return ""

    eventually(
        trouble,
        lambda seen: not seen,
        what=f"{where} accepts {manifest['kind']} {manifest['metadata']['name']}",
        budget=Budget(timeout=30, interval=0.05, firm=True),
    )


def watched(
    kube: Kube,
    kind: str,
    name: str,
    namespace: str | None,
    until: Callable[[Manifest], bool],
    *,
    what: str,
    timeout: float = 60.0,
    clock: Callable[[], float] = time.monotonic,
) -> Manifest:
    """Watch one object until ``until`` holds; return it as it was then.

    Raises :class:`NotConverged` with the last state. ``what`` is a claim ("istiod is ready").
    """
    budget = Budget(timeout=timeout, firm=True).effective()
    deadline = clock() + budget.timeout
    last: Manifest = {}
    looks = 0
    while (left := deadline - clock()) > 0:
        seconds = max(1, int(left))
        for event in kube.watch(kind, namespace, fields=f"metadata.name={name}", seconds=seconds):
            looks += 1
            last = event.manifest
            if event.kind != "DELETED" and until(last):
                return last
    raise NotConverged(what, budget, looks, last.get("status", "nothing"))


def available(deployment: Manifest) -> bool:
    """Say whether all wanted replicas of the current specification are available."""
    status = deployment.get("status") or {}
    wanted = deployment["spec"].get("replicas", 1)
    return bool(
        status.get("observedGeneration", 0) >= deployment["metadata"]["generation"]
        and status.get("updatedReplicas", 0) >= wanted
        and status.get("availableReplicas", 0) >= wanted
    )


def on_every_node(daemon_set: Manifest) -> bool:
    """Say whether a pod of the current specification is ready on every node that wants one."""
    status = daemon_set.get("status") or {}
    wanted = status.get("desiredNumberScheduled", 0)
    return bool(
        status.get("observedGeneration", 0) >= daemon_set["metadata"]["generation"]
        and 0 < wanted <= status.get("updatedNumberScheduled", 0)
        and wanted <= status.get("numberReady", 0)
    )


def published(service: Manifest) -> bool:
    """Say whether a NodePort Service has its ports."""
    return all(port.get("nodePort") for port in service["spec"]["ports"])


def balanced(service: Manifest) -> bool:
    """Say whether a LoadBalancer Service has its address."""
    return bool(external_addresses(service))
