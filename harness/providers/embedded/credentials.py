"""Everything secret that a cluster needs before it starts, as files that only we can read."""

import base64
import json
import os
from ipaddress import IPv4Network
from pathlib import Path

from harness.model import ClusterPlan
from harness.model.kubeconfig import kubeconfig_data
from harness.providers.embedded.authority import Authority, Identity, key_pem
from harness.providers.fabric.state import State
from harness.signing import new_key

#: Who speaks to the API server from inside the lab. They may all do everything, so that none
#: has to wait for the default roles, which an API server takes a second to write.
_USERS = {
    "admin": "admin",
    "cloud": "meshproof:cloud",
    "kcm": "system:kube-controller-manager",
    "node": "meshproof:node",
    "proxy": "system:kube-proxy",
    "scheduler": "system:kube-scheduler",
}
_EVERYTHING = ("system:masters",)
ADMIN = "admin"


def write_credentials(state: State, cluster: ClusterPlan, port: int) -> Path:
    """Write keys, certificates, kubeconfigs; return the kubeconfig for 127.0.0.1:``port`` here."""
    authority = Authority(f"{cluster.name}-ca")
    folder = state.secrets(cluster.name)
    folder.mkdir(mode=0o700, parents=True)
    service = str(IPv4Network(cluster.services)[1])
    names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
    api_hosts = (cluster.api_address, "127.0.0.1", service, *names)
    _write_identity(folder, "ca", authority.identity)
    _write_identity(folder, "api", authority.issue("kube-apiserver", hosts=api_hosts))
    kubelet_client = authority.issue("kube-apiserver-kubelet-client", groups=_EVERYTHING)
    _write_identity(folder, "kubelet-client", kubelet_client)
    for node in cluster.nodes:
        serving = authority.issue(f"system:node:{node.name}", hosts=(node.name, node.address))
        _write_identity(folder, node.name, serving)
    _write(folder / "accounts.key", key_pem(new_key()))
    written = state.kubeconfigs / f"{cluster.name}.yaml"
    for user, name in _USERS.items():
        identity = authority.issue(name, groups=_EVERYTHING)
        inside = f"https://{cluster.api_address}:6443"
        content = _kubeconfig(cluster.name, inside, authority.identity.certificate, identity)
        _write(folder / f"{user}.yaml", content)
        if user == ADMIN:
            here = f"https://127.0.0.1:{port}"
            content = _kubeconfig(cluster.name, here, authority.identity.certificate, identity)
            _write(written, content)
    return written


def _write_identity(folder: Path, name: str, identity: Identity) -> None:
    _write(folder / f"{name}.crt", identity.certificate)
    _write(folder / f"{name}.key", identity.key)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _kubeconfig(cluster: str, server: str, authority: bytes, identity: Identity) -> bytes:
    """Return a kubeconfig as JSON, which every reader of YAML reads."""
    user = {
        "client-certificate-data": _base64(identity.certificate),
        "client-key-data": _base64(identity.key),
    }
    where = {"server": server, "certificate-authority-data": _base64(authority)}
    content = kubeconfig_data(cluster, cluster=where, user=user)
    return json.dumps(content, indent=1).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
