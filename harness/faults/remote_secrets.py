"""Take away or falsify the secret by which one control plane reads another cluster."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from harness import files
from harness.converge import pause
from harness.faults.rollout import other_pods, pod_spec
from harness.kube import Kube, Manifest
from harness.meshes.base import REMOTE_SECRET_LABEL, REMOTE_SECRET_PREFIX
from harness.meshes.istio.remote_secret import READER, Credentials, kubeconfig, remote_secret
from harness.model import HarnessError
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


def reader(site: Site, other: Site) -> Kube | None:
    """Return the API server of ``other`` as the control plane of ``site`` sees it, by its token.

    ``None`` without a secret, or without a token in it.
    """
    secret = secret_for(site, other)
    if secret is None:
        return None
    kubeconfig = files.parse(base64.b64decode(next(iter(secret["data"].values()))).decode())
    token = str(kubeconfig["users"][0]["user"].get("token", ""))
    return Kube(other.cluster.kubeconfig, token=token) if token else None


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
    config = next(iter(secret["data"].values()))
    renamed = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": REMOTE_SECRET_PREFIX + name,
            "namespace": home.shape.system,
            "labels": secret["metadata"]["labels"],
            "annotations": {"networking.istio.io/cluster": name},
        },
        "data": {name: config},
    }
    with without_secret(site, other), home.applied(renamed):
        yield


@contextmanager
def copied_secret(site: Site, name: str, *, server: str = "") -> Iterator[None]:
    """Run the body while the control plane of ``site`` has a copy of a secret of its own.

    By it, a cluster is known as ``name`` as well, at another address if ``server`` is given.
    """
    home = site.control_plane
    own = next((value for each in secrets_of(site) for value in each["data"].values()), None)
    if own is None:
        raise HarnessError(f"the control plane of {site} reads no other cluster")
    config = json.loads(base64.b64decode(own))
    config["clusters"][0]["cluster"]["server"] = (
        server or config["clusters"][0]["cluster"]["server"]
    )
    with home.applied(remote_secret(name, json.dumps(config), home.shape.system)):
        yield


def linked(site: Site, other: Site) -> AbstractContextManager[None]:
    """Run the body while the control plane of ``site`` has a secret for ``other``."""
    home, system = site.control_plane, other.shape.system
    token = other.kube.token(READER, system)
    authority = other.kube.get("ConfigMap", "kube-root-ca.crt", system)["data"]["ca.crt"]
    config = kubeconfig(other.name, other.cluster.server, Credentials(token, authority))
    return home.applied(remote_secret(other.name, config, home.shape.system))


@dataclass
class Rotation:
    """How a remote secret is rotated: at once, or with a ``gap`` (seconds) in which it is gone."""

    gap: float = 0.0

    @contextmanager
    def delayed(self, gap: float) -> Iterator[None]:
        """Run the body while rotations leave a gap."""
        self.gap, before = gap, self.gap
        try:
            yield
        finally:
            self.gap = before

    @contextmanager
    def of(self, site: Site, other: Site) -> Iterator[None]:
        """Rotate the secret of ``site`` for ``other`` to an equivalent kubeconfig, and back."""
        home, secret = site.control_plane, secret_for(site, other)
        if secret is None:
            raise HarnessError(f"the control plane of {site} does not read {other}")
        name, system = secret["metadata"]["name"], home.shape.system
        if self.gap:
            with without_secret(site, other):
                pause(self.gap, why="this is the gap")
        data = {key: _reworded(value) for key, value in secret["data"].items()}
        with home.patched("Secret", name, {"data": data}, system):
            yield


def _reworded(kubeconfig: str) -> str:
    """Return a kubeconfig (base64) that says the same in other bytes."""
    said = base64.b64decode(kubeconfig).decode()
    return base64.b64encode(f"{said}\n# rotated\n".encode()).decode()


def nobody(site: Site) -> str:
    """Return an API server's address on the network of ``site`` that nobody has."""
    return f"https://{site.plan.load_balancers[-1]}:6443"


@contextmanager
def from_a_file(site: Site, other: Site) -> Iterator[None]:
    """Run the body while the control plane of ``site`` reads ``other`` by a file, not a Secret."""
    home, secret = site.control_plane, secret_for(site, other)
    if secret is None:
        raise HarnessError(f"the control plane of {site} does not read {other}")
    kept = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "kubeconfigs", "namespace": home.shape.system},
        "data": {f"{other.name}.yaml": next(iter(secret["data"].values()))},
    }
    with home.applied(kept), _mounted(home, "kubeconfigs", "/etc/kubeconfigs"):
        yield


def _mounted(home: Site, secret: str, path: str) -> AbstractContextManager[None]:
    """Run the body while istiod reads kubeconfigs from a directory that a Secret is mounted at."""
    name, system = home.shape.istiod, home.shape.system
    spec = pod_spec(home, name, system)
    variable = {"name": "PILOT_MULTICLUSTER_KUBECONFIG_PATH", "value": path}
    mount = {"name": secret, "mountPath": path, "readOnly": True}
    containers = [
        {
            **each,
            "env": [*each.get("env", []), variable],
            "volumeMounts": [*each.get("volumeMounts", []), mount],
        }
        for each in spec["containers"]
    ]
    volumes = [*spec.get("volumes", []), {"name": secret, "secret": {"secretName": secret}}]
    return other_pods(home, name, system, {"spec": {"containers": containers, "volumes": volumes}})


def unreachable_secret(site: Site, other: Site) -> AbstractContextManager[None]:
    """Run the body while the secret of ``site`` names a server of ``other`` that nobody is."""
    server = other.cluster.server
    return _rewritten(site, other, lambda config: config.replace(server, nobody(other)))


def powerless_secret(site: Site) -> AbstractContextManager[None]:
    """Run the body while a cluster is read with a token of an account that may read nothing."""

    def weaken(config: str) -> str:
        said = json.loads(config)
        token = site.kube.token("default", site.shape.system)
        said["users"] = [{**each, "user": {"token": token}} for each in said["users"]]
        return json.dumps(said)

    return _rewritten(site, site, weaken)


@contextmanager
def _rewritten(site: Site, other: Site, change: Callable[[str], str]) -> Iterator[None]:
    """Run the body while the kubeconfig by which ``other`` is read is as ``change`` makes it."""
    home, secret = site.control_plane, secret_for(site, other)
    if secret is None:
        yield
        return
    key, value = next(iter(secret["data"].items()))
    config = change(base64.b64decode(value).decode())
    patch = {"data": {key: base64.b64encode(config.encode()).decode()}}
    with home.patched("Secret", secret["metadata"]["name"], patch, home.shape.system):
        yield
