"""Istio's own signs of being ready: webhooks in force, pods injected, other clusters read."""

from harness.converge import Budget, eventually
from harness.kube import Kube, Manifest
from harness.meshes.base import MeshShape
from harness.meshes.istio.reads import Istiods
from harness.model import ApiError


def guarding(validator: Manifest) -> bool:
    """Say whether istiod has put a validating webhook into force: until then all pass it."""
    return all(webhook["failurePolicy"] == "Fail" for webhook in validator["webhooks"])


def injected(kube: Kube, shape: MeshShape) -> str:
    """Try (as a dry run) to create a pod that wants a proxy; return what is in the way, or "".

    This goes all the way of a real pod: API server, Service, istiod's webhook.
    """
    labels = {"sidecar.istio.io/inject": "true"}
    labels |= shape.revision_labels
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "injection-probe", "labels": labels},
        "spec": {"containers": [{"name": "probe", "image": "probe"}]},
    }
    try:
        made = kube.request("POST", f"/api/v1/namespaces/{shape.system}/pods?dryRun=All", pod)
    except ApiError as error:
        return str(error)
    spec = made.json()["spec"]
    containers = [*spec["containers"], *spec.get("initContainers", [])]
    return "" if any(each["name"] == shape.proxy for each in containers) else "no proxy added"


def injecting(kube: Kube, shape: MeshShape, *, who: str) -> None:
    """Wait until the control plane adds proxies to pods."""
    eventually(
        lambda: injected(kube, shape),
        lambda trouble: not trouble,
        what=f"{shape.istiod} of {who} injects pods",
        budget=Budget(timeout=60, interval=0.05, firm=True),
    )


def links(kube: Kube, shape: MeshShape, wanted: set[str], *, who: str) -> None:
    """Wait until every istiod of a cluster has read every cluster of ``wanted``."""
    eventually(
        Istiods(kube, shape).read,
        lambda seen: bool(seen) and all(wanted <= istiod.clusters for istiod in seen),
        what=f"istiod of {who} has read {', '.join(sorted(wanted))}",
        budget=Budget(timeout=60, interval=0.1, firm=True),
    )
