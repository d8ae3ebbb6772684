"""What the node proxies of an ambient mesh were told about where they are."""

from collections.abc import Mapping

from harness.probes.cluster_view import ClusterView, ready_pods

_PODS = "app=ztunnel"


def told(site: ClusterView) -> list[Mapping[str, str]]:
    """Return the environment of each ztunnel of a cluster that is ready, by variable."""
    return [
        {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
        for pod in ready_pods(site.kube, site.shape.system, _PODS)
        for container in pod["spec"]["containers"][:1]
    ]
