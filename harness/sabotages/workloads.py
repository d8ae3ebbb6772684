"""Sabotages of workloads and the nodes that they run on."""

from contextlib import ExitStack, contextmanager

from harness.faults.rollout import pod_template
from harness.probes.cluster_view import ready_pods
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.stage import ECHO, SAMPLE


@contextmanager
def troubled_cluster_empty(scene: Scene) -> Breaking:
    """Leave the client's cluster without any instance of the merged service."""
    with scene.client.scaled(ECHO.name, SAMPLE, 0):
        yield


@contextmanager
def no_injection(scene: Scene) -> Breaking:
    """Have the callers of the client's cluster made anew without proxies."""
    with pod_template(scene.client, "probe-b", SAMPLE, labels={"sidecar.istio.io/inject": "false"}):
        yield


@contextmanager
def gateway_installed(scene: Scene) -> Breaking:
    """Let a pod of the client's cluster pass for an east-west gateway, by its labels."""
    site, shape = scene.client, scene.client.shape
    patch = {"metadata": {"labels": shape.gateway_labels}}
    with ExitStack() as undo:
        for pod in ready_pods(site.kube, shape.gateway_namespace, shape.istiod_pods):
            name = pod["metadata"]["name"]
            undo.enter_context(site.patched("Pod", name, patch, shape.gateway_namespace))
        yield


@contextmanager
def labels_removed(scene: Scene) -> Breaking:
    """Take region and zone from the nodes of the server's cluster, and make its pods anew."""
    site = scene.server
    prefix = "topology.kubernetes.io/"
    patch = {"metadata": {"labels": {f"{prefix}region": None, f"{prefix}zone": None}}}
    try:
        with ExitStack() as undo:
            for node in site.kube.list("Node"):
                undo.enter_context(site.patched("Node", node["metadata"]["name"], patch))
            site.restart(ECHO.name, SAMPLE)
            yield
    finally:
        site.restart(ECHO.name, SAMPLE)
