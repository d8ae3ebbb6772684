"""What injection made of a pod: its proxy, and what the proxy was told."""

from harness.kube import Manifest
from harness.meshes.base import NETWORK_VARIABLE
from harness.probes.cluster_view import ClusterView


def injected(site: ClusterView, namespace: str) -> list[Manifest]:
    """Return the pods of a namespace that have a proxy and are here to stay."""
    pods = site.kube.list("Pod", namespace)
    staying = (pod for pod in pods if "deletionTimestamp" not in pod["metadata"])
    return [pod for pod in staying if proxy_in(site, pod)]


def proxy_in(site: ClusterView, pod: Manifest) -> Manifest | None:
    """Return the proxy's container, be it a native sidecar or not."""
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return next((each for each in containers if each["name"] == site.shape.proxy), None)


def told_network(site: ClusterView, pod: Manifest) -> str:
    """Return the network that the proxy in a pod was told; empty if none."""
    env = (proxy_in(site, pod) or {}).get("env", [])
    return str(next((e.get("value", "") for e in env if e["name"] == NETWORK_VARIABLE), ""))
