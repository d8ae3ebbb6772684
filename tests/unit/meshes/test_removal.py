"""What is removed, and in which order, of objects of any kind."""

from dataclasses import dataclass, field
from typing import cast

from harness.kube import Kube, Manifest
from harness.meshes.istio.removal import remove


@dataclass
class Cluster:
    """Writes down what is deleted; nothing of it is there any more."""

    deleted: list[str] = field(default_factory=list)

    def delete(self, kind: str, name: str, namespace: str | None = None) -> bool:
        self.deleted.append(f"{kind} {name}")
        return True

    def remove(self, manifest: Manifest) -> bool:
        return self.delete(manifest["kind"], manifest["metadata"]["name"])

    def find(self, kind: str, name: str) -> None:
        return None

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Manifest]:
        return []


def _object(kind: str, name: str, namespace: str = "") -> Manifest:
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": name, **place}}


def test_namespaces_go_first_then_what_recreates_then_all_kinds_of_the_rest() -> None:
    cluster = Cluster()
    remove(
        cast("Kube", cluster),
        [
            _object("Namespace", "istio-system"),
            _object("Namespace", "edge"),
            _object("Secret", "cacerts", "istio-system"),
            _object("NetworkPolicy", "guard", "kube-system"),
            _object("Till", "own"),
            _object("Deployment", "istiod", "istio-system"),
            _object("MutatingWebhookConfiguration", "injector"),
        ],
    )
    assert cluster.deleted[:2] == ["Namespace istio-system", "Namespace edge"]
    assert set(cluster.deleted[2:4]) == {
        "Deployment istiod",
        "MutatingWebhookConfiguration injector",
    }
    assert set(cluster.deleted[4:]) == {"NetworkPolicy guard", "Till own"}
