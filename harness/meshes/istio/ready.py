"""Wait for parts of a mesh by watching them, or by short looks where there is no watch."""

import time
from collections.abc import Callable

from harness.converge import Budget, NotConverged, eventually
from harness.kube import Kube, Manifest
from harness.meshes.base import MeshShape
from harness.meshes.istio.reads import Istiods
from harness.model import ApiError


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


def balanced(service: Manifest) -> bool:
    """Say whether a LoadBalancer Service has its address."""
    return bool(((service.get("status") or {}).get("loadBalancer") or {}).get("ingress"))


def guarding(validator: Manifest) -> bool:
    """Say whether istiod has put a validating webhook into force: until then all pass it."""
    return all(webhook["failurePolicy"] == "Fail" for webhook in validator["webhooks"])


def injected(kube: Kube, shape: MeshShape) -> str:
    """Try (as a dry run) to create a pod that wants a proxy; return what is in the way, or "".

    This goes all the way of a real pod: API server, Service, istiod's webhook.
    """
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "injection-probe", "labels": {"sidecar.istio.io/inject": "true"}},
        "spec": {"containers": [{"name": "probe", "image": "probe"}]},
    }
    try:
        made = kube.request("POST", f"/api/v1/namespaces/{shape.system}/pods?dryRun=All", pod)
    except ApiError as error:
        return str(error)
    spec = made.json()["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    return "" if any(each["name"] == shape.proxy for each in containers) else "no proxy added"


def links(kube: Kube, shape: MeshShape, wanted: set[str], *, who: str) -> None:
    """Wait until every istiod of a cluster has read every cluster of ``wanted``."""
    eventually(
        Istiods(kube, shape).read,
        lambda seen: bool(seen) and all(wanted <= istiod.clusters for istiod in seen),
        what=f"istiod of {who} has read {', '.join(sorted(wanted))}",
        budget=Budget(timeout=60, interval=0.1, firm=True),
    )
