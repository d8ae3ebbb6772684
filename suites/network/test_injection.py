"""Each workload carries the network of its cluster."""

import pytest

from harness.meshes.base import NETWORK_LABEL, NETWORK_VARIABLE
from harness.model import Topology
from harness.probes.injection import injected, told_network
from harness.sabotages.control_plane import network_value_omitted
from harness.workloads.site import Site
from harness.workloads.stage import OTHER, SAMPLE, Stage


@pytest.mark.requirement("NM-13")
@pytest.mark.sabotage.with_args(network_value_omitted)
@pytest.mark.disturbs
def test_injection_sets_the_declared_network(
    cluster: Site, stage: Stage, topology: Topology
) -> None:
    pods = [pod for namespace in (SAMPLE, OTHER) for pod in injected(cluster, namespace)]
    assert len(pods) >= len(stage.injected(cluster)), f"{cluster.name}: no injected pods"
    for pod in pods:
        name = pod["metadata"]["name"]
        assert pod["metadata"]["labels"].get(NETWORK_LABEL) == cluster.network, f"label of {name}"
        assert told_network(cluster, pod) == cluster.network, f"{NETWORK_VARIABLE} of {name}"
    for caller in stage.injected(cluster):
        assert caller.sidecar.metadata().get("NETWORK") == cluster.network, f"{caller.pod}"
    if len(topology.networks) > 1:
        system = cluster.kube.get("Namespace", cluster.shape.system)
        assert system["metadata"]["labels"].get(NETWORK_LABEL) == cluster.network, "system"
