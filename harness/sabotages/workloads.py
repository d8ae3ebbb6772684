"""Sabotages of workloads and the nodes that they run on."""

from contextlib import ExitStack, contextmanager

from harness.faults.rollout import pod_template
from harness.probes import access
from harness.sabotages.scene import Breaking, Scene
from harness.workloads.echo import Echo
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
    """Let a pod run that has the labels of an east-west gateway."""
    site, shape = scene.client, scene.client.shape
    where = shape.gateway_namespace
    gate = Echo(name="gate", namespace=where, injected=False, labels=shape.gateway_labels)
    access.grant(site.kube, where)
    with site.applied(*gate.manifests(site.name)):
        site.rolled_out(gate.name, where)
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
