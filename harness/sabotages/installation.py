"""Sabotages of installing and removing a mesh."""

from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness.kube import Kube
from harness.sabotages.scene import Breaking, Scene

if TYPE_CHECKING:
    from harness.workloads.pristine import Pristine

_NAME = "istio-validator-left-behind"
_LEFT = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": _NAME},
    "webhooks": [],
}


@contextmanager
def webhook_left(scene: Scene) -> Breaking:
    """Let the removal of the mesh leave one webhook configuration behind."""
    pristine: Pristine = scene.fixtures["pristine"]
    kubes = [Kube(cluster.kubeconfig) for cluster in pristine.lab.clusters]
    try:
        for kube in kubes:
            kube.apply(_LEFT)
        yield
    finally:
        for kube in kubes:
            kube.delete("ValidatingWebhookConfiguration", _NAME)
