"""Remote secrets: how an istiod is told of another cluster, and the credentials for that.

Names, label, annotation and the form of the kubeconfig are those of ``istioctl
create-remote-secret`` (istio/istio ``istioctl/pkg/multicluster/remote_secret.go``).
"""

import base64
import json
from dataclasses import dataclass, field

from harness.kube import Manifest
from harness.meshes.base import REMOTE_SECRET_LABEL, REMOTE_SECRET_PREFIX
from harness.model.kubeconfig import kubeconfig_data

#: The account with whose rights other clusters' istiods read this one.
READER = "istio-reader-service-account"
#: The Secret by which an external istiod reads the cluster that it takes configuration from.
ISTIO_KUBECONFIG = "istio-kubeconfig"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What lets one read a cluster: a token, and the authority (PEM) of its API server."""

    token: str = field(repr=False)
    ca_pem: str


def name_of(cluster: str) -> str:
    """Return the name of the remote secret that tells of ``cluster``."""
    return REMOTE_SECRET_PREFIX + cluster


def token_name(account: str = READER) -> str:
    """Return the name of the Secret that is filled with an account's long-lived token."""
    return f"{account}-istio-remote-secret-token"


def token_secret(namespace: str, account: str = READER) -> Manifest:
    """Return the request for a long-lived token of an account, as istioctl makes it."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": token_name(account),
            "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": account},
        },
        "type": "kubernetes.io/service-account-token",
    }


def credentials_in(secret: Manifest | None) -> Credentials | None:
    """Read what the token controller has put into ``secret``; ``None`` while it has not."""
    data = (secret or {}).get("data") or {}
    if not {"token", "ca.crt"} <= data.keys():
        return None
    token, ca_pem = (base64.b64decode(data[key]).decode() for key in ("token", "ca.crt"))
    return Credentials(token, ca_pem)


def kubeconfig(cluster: str, server: str, credentials: Credentials) -> str:
    """Return a kubeconfig (JSON, which is YAML) for ``cluster`` at ``server``."""
    authority = base64.b64encode(credentials.ca_pem.encode()).decode()
    where = {"certificate-authority-data": authority, "server": server}
    config = kubeconfig_data(cluster, cluster=where, user={"token": credentials.token})
    return json.dumps(config | {"preferences": {}})


def remote_secret(
    cluster: str, config: str, namespace: str, *, name: str = "", key: str = ""
) -> Manifest:
    """Return the remote secret that tells of ``cluster`` by the kubeconfig ``config``.

    ``key`` is the name under which the reader will know the cluster; it must be the
    cluster's own name, and anything else is for sabotages.
    """
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name or name_of(cluster),
            "namespace": namespace,
            "labels": {REMOTE_SECRET_LABEL: "true"},
            "annotations": {"networking.istio.io/cluster": cluster},
        },
        "stringData": {key or cluster: config},
    }


def config_secret(cluster: str, config: str, namespace: str) -> Manifest:
    """Return what lets an external istiod take its configuration from ``cluster``."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": ISTIO_KUBECONFIG,
            "namespace": namespace,
            "annotations": {"networking.istio.io/cluster": cluster},
        },
        "stringData": {"config": config},
    }
