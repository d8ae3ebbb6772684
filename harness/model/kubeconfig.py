"""The form of a kubeconfig: one cluster, one user, and both under one name."""

from collections.abc import Mapping


def kubeconfig_data(
    name: str, *, cluster: Mapping[str, object], user: Mapping[str, object]
) -> dict[str, object]:
    """Return a kubeconfig as plain data; ``cluster`` says where, ``user`` by which credentials."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": dict(cluster)}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
