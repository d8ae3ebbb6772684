"""Each workload carries the network of its cluster."""

import pytest

from harness.kube import Manifest
from harness.meshes.base import MeshShape
from harness.model import Topology
from harness.sabotages.control_plane import network_value_omitted
from harness.workloads.site import Site
from harness.workloads.stage import OTHER, SAMPLE, Stage

LABEL = "topology.istio.io/network"


@pytest.mark.requirement("NM-13")
@pytest.mark.sabotage.with_args(network_value_omitted)
@pytest.mark.disturbs
def test_injection_sets_the_declared_network(
    cluster: Site, stage: Stage, shape: MeshShape, topology: Topology
) -> None:
    pods = [pod for namespace in (SAMPLE, OTHER) for pod in injected(cluster, namespace)]
    assert len(pods) >= len(stage.injected(cluster)), f"{cluster.name}: no injected pods"
    for pod in pods:
        name = pod["metadata"]["name"]
        assert pod["metadata"]["labels"].get(LABEL) == cluster.network, f"label of {name}"
        assert declared(pod) == cluster.network, f"ISTIO_META_NETWORK of {name}"
    for caller in stage.injected(cluster):
        assert caller.sidecar.metadata().get("NETWORK") == cluster.network, f"{caller.pod}"
    if len(topology.networks) > 1:
        system = cluster.kube.get("Namespace", shape.system)
        assert system["metadata"]["labels"].get(LABEL) == cluster.network, shape.system


def injected(site: Site, namespace: str) -> list[Manifest]:
    """Return the pods of a namespace that have a proxy and are here to stay."""
    pods = site.kube.list("Pod", namespace)
    return [
        pod for pod in pods if proxy(pod) is not None and "deletionTimestamp" not in pod["metadata"]
    ]


def proxy(pod: Manifest) -> Manifest | None:
    """Return the proxy's container, be it a native sidecar or not."""
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    return next((c for c in containers if c["name"] == "istio-proxy"), None)


def declared(pod: Manifest) -> str:
    """Return the network that the injected proxy was told."""
    env = (proxy(pod) or {}).get("env", [])
    return str(next((e.get("value", "") for e in env if e["name"] == "ISTIO_META_NETWORK"), ""))
