"""Remove a mesh: first what would recreate or refuse, then everything else at once."""

from collections.abc import Sequence

from harness.converge import Budget, concurrently, eventually
from harness.kube import Kube, Manifest

_FIRST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "Deployment")
#: Istiod marks the ConfigMaps (the root certificate) that it puts into every namespace.
_SPREAD = "istio.io/config=true"


def remove(kube: Kube, manifests: Sequence[Manifest]) -> None:
    """Remove ``manifests``, Namespaces among them, and what istiod spread; wait until all is gone.

    Idempotent. Workloads keep running, and their sidecars keep the last configuration. The
    namespaces go first: from then on nobody creates anything in them, and their controller lets
    five seconds pass before it acts.
    """
    own = [each["metadata"]["name"] for each in manifests if each["kind"] == "Namespace"]
    for name in own:
        kube.delete("Namespace", name)
    others = [each for each in manifests if each["kind"] != "Namespace"]
    delete(kube, [each for each in others if each["kind"] in _FIRST])
    for name in own:
        _end_pods(kube, name)
    rest = [each for each in others if each["kind"] not in _FIRST]
    delete(kube, [each for each in rest if each["metadata"].get("namespace") not in own])
    for spread in kube.list("ConfigMap", labels=_SPREAD):
        kube.delete("ConfigMap", spread["metadata"]["name"], spread["metadata"]["namespace"])
    # One by one: all definitions together are half a megabyte to look at.
    for each in (each for each in rest if each["kind"] == "CustomResourceDefinition"):
        _gone(kube, "CustomResourceDefinition", each["metadata"]["name"])
    for name in own:
        _gone(kube, "Namespace", name)


def _gone(kube: Kube, kind: str, name: str) -> None:
    eventually(
        lambda: "there" if kube.find(kind, name) else "gone",
        lambda seen: seen == "gone",
        what=f"{kind} {name} is removed",
        budget=Budget(timeout=60, interval=0.1, firm=True),
    )


def delete(kube: Kube, manifests: Sequence[Manifest]) -> None:
    """Delete objects, several at once; those that are gone already are no trouble."""

    def some(share: Sequence[Manifest]) -> None:
        for each in share:
            kube.remove(each)

    if manifests:
        concurrently(some, [manifests[offset::6] for offset in range(6)])


def _end_pods(kube: Kube, namespace: str) -> None:
    """End pods before their namespace: its controller waits out half of their grace."""
    for kind in ("ReplicaSet", "Pod"):
        for each in kube.list(kind, namespace):
            kube.delete(kind, each["metadata"]["name"], namespace, grace=1)
    eventually(
        lambda: [pod["metadata"]["name"] for pod in kube.list("Pod", namespace)],
        lambda pods: not pods,
        what=f"no pod runs in {namespace}",
        budget=Budget(timeout=60, interval=0.1, firm=True),
    )
