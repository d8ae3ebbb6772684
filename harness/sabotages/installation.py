"""Sabotages of installing and removing a mesh."""

from contextlib import ExitStack, contextmanager

from harness.kube import Manifest
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.pristine import GUEST, GUESTS, Pristine

_LEFT: Manifest = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "istio-validator-left-behind"},
    "webhooks": [],
}


@contextmanager
def webhook_left(scene: Scene) -> Breaking:
    """Let the removal of the mesh leave one webhook configuration behind."""
    with _everywhere(scene, _LEFT):
        yield


@contextmanager
def config_map_left(scene: Scene) -> Breaking:
    """Let the removal of the mesh leave a ConfigMap in the namespace of a workload."""
    metadata = {"name": "istio-left-behind", "namespace": GUESTS}
    with _everywhere(scene, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}):
        yield


@contextmanager
def too_much_removed(scene: Scene) -> Breaking:
    """Let the removal of the mesh take a Service with it that was there before."""
    with ExitStack() as undo:
        for site in scene.given("pristine", Pristine).sites:
            undo.enter_context(site.deleted("Service", GUEST, GUESTS))
        yield


@contextmanager
def _everywhere(scene: Scene, left: Manifest) -> Breaking:
    with ExitStack() as undo:
        for site in scene.given("pristine", Pristine).sites:
            undo.enter_context(site.applied(left))
        yield
