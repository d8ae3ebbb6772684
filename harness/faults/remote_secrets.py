"""Take away or falsify the secret by which one control plane reads another cluster."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

from harness.kube import Manifest
from harness.meshes.base import MeshShape
from harness.workloads.site import Site

PREFIX = "istio-remote-secret-"
LABEL = "istio/multiCluster=true"


def secrets_of(site: Site, shape: MeshShape) -> list[Manifest]:
    """Return the remote secrets that a cluster's control plane holds."""
    return site.kube.list("Secret", shape.system, labels=LABEL)


def secret_for(site: Site, other: Site, shape: MeshShape) -> Manifest | None:
    """Return the secret by which ``site`` reads ``other``, found by name or by data key."""
    for secret in secrets_of(site, shape):
        if secret["metadata"]["name"] == PREFIX + other.name or other.name in secret["data"]:
            return secret
    return None


@contextmanager
def without_secret(site: Site, other: Site, shape: MeshShape) -> Iterator[None]:
    """Run the body while ``site`` has no secret for ``other``."""
    secret = secret_for(site, other, shape)
    if secret is None:
        yield
        return
    with site.deleted("Secret", secret["metadata"]["name"], shape.system):
        yield


@contextmanager
def renamed_secret(
    site: Site, other: Site, shape: MeshShape, *, name: str = "other"
) -> Iterator[None]:
    """Run the body while ``site`` knows ``other`` under a wrong cluster name."""
    secret = secret_for(site, other, shape)
    if secret is None:
        yield
        return
    kubeconfig = next(iter(secret["data"].values()))
    renamed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": PREFIX + name,
            "namespace": shape.system,
            "labels": secret["metadata"]["labels"],
            "annotations": {"networking.istio.io/cluster": name},
        },
        "data": {name: kubeconfig},
    }
    with without_secret(site, other, shape), site.applied(renamed):
        yield


@contextmanager
def unreachable_secret(site: Site, other: Site, shape: MeshShape) -> Iterator[None]:
    """Run the body while the secret of ``site`` names a server of ``other`` that nobody is."""
    secret = secret_for(site, other, shape)
    if secret is None:
        yield
        return
    key, value = next(iter(secret["data"].items()))
    server = other.cluster.server
    nobody = f"https://{other.plan.load_balancers[-1]}:6443"
    kubeconfig = base64.b64decode(value).decode().replace(server, nobody)
    patch = {"data": {key: base64.b64encode(kubeconfig.encode()).decode()}}
    with site.patched("Secret", secret["metadata"]["name"], patch, shape.system):
        yield
