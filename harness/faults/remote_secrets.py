"""Take away or falsify the secret by which one control plane reads another cluster."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager

from harness.kube import Manifest
from harness.meshes.base import REMOTE_SECRET_LABEL, REMOTE_SECRET_PREFIX
from harness.model.kubeconfig import kubeconfig_data
from harness.workloads.site import Site


def secrets_of(site: Site) -> list[Manifest]:
    """Return the remote secrets that the control plane which serves a cluster holds."""
    home = site.control_plane
    return home.kube.list("Secret", home.shape.system, labels=f"{REMOTE_SECRET_LABEL}=true")


def secret_for(site: Site, other: Site) -> Manifest | None:
    """Return the secret by which ``other`` is read for ``site``, by name or by data key."""
    called = REMOTE_SECRET_PREFIX + other.name
    for secret in secrets_of(site):
        if secret["metadata"]["name"] == called or other.name in secret["data"]:
            return secret
    return None


@contextmanager
def without_secret(site: Site, other: Site) -> Iterator[None]:
    """Run the body while the control plane of ``site`` has no secret for ``other``."""
    home, secret = site.control_plane, secret_for(site, other)
    if secret is None:
        yield
        return
    with home.deleted("Secret", secret["metadata"]["name"], home.shape.system):
        yield


@contextmanager
def renamed_secret(site: Site, other: Site, *, name: str = "other") -> Iterator[None]:
    """Run the body while ``other`` is known under a wrong cluster name, as far as ``site`` goes."""
    home, secret = site.control_plane, secret_for(site, other)
    if secret is None:
        yield
        return
    kubeconfig = next(iter(secret["data"].values()))
    renamed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": REMOTE_SECRET_PREFIX + name,
            "namespace": home.shape.system,
            "labels": secret["metadata"]["labels"],
            "annotations": {"networking.istio.io/cluster": name},
        },
        "data": {name: kubeconfig},
    }
    with without_secret(site, other), home.applied(renamed):
        yield


@contextmanager
def unreachable_secret(site: Site, other: Site) -> Iterator[None]:
    """Run the body while the secret of ``site`` names a server of ``other`` that nobody is."""
    home, secret = site.control_plane, secret_for(site, other)
    if secret is None:
        yield
        return
    key, value = next(iter(secret["data"].items()))
    server = other.cluster.server
    nobody = f"https://{other.plan.load_balancers[-1]}:6443"
    kubeconfig = base64.b64decode(value).decode().replace(server, nobody)
    patch = {"data": {key: base64.b64encode(kubeconfig.encode()).decode()}}
    with home.patched("Secret", secret["metadata"]["name"], patch, home.shape.system):
        yield


@contextmanager
def powerless_secret(site: Site) -> Iterator[None]:
    """Run the body while a cluster is read with a token of an account that may read nothing."""
    home, secret = site.control_plane, secret_for(site, site)
    if secret is None:
        yield
        return
    key, value = next(iter(secret["data"].items()))
    config = json.loads(base64.b64decode(value))
    token = site.kube.token("default", site.shape.system)
    config["users"] = [{**each, "user": {"token": token}} for each in config["users"]]
    patch = {"data": {key: base64.b64encode(json.dumps(config).encode()).decode()}}
    with home.patched("Secret", secret["metadata"]["name"], patch, home.shape.system):
        yield


@contextmanager
def unknown_cluster(site: Site, *, name: str = "nowhere") -> Iterator[None]:
    """Run the body while a control plane has a secret for a cluster that there is not."""
    nobody = f"https://{site.plan.load_balancers[-1]}:6443"
    where = {"server": nobody, "insecure-skip-tls-verify": True}
    config = kubeconfig_data(name, cluster=where, user={"token": "none"})
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": REMOTE_SECRET_PREFIX + name,
            "namespace": site.shape.system,
            "labels": {REMOTE_SECRET_LABEL: "true"},
            "annotations": {"networking.istio.io/cluster": name},
        },
        "stringData": {name: json.dumps(config)},
    }
    with site.applied(secret):
        yield
