"""Each workload carries the network of its cluster."""

import pytest

from harness.meshes.base import NETWORK_LABEL
from harness.probes.injection import injected, told_network
from harness.sabotages.control_plane import network_value_omitted, wrong_net_in_injection_path
from harness.sabotages.fabric import namespace_label_dropped
from harness.workloads.site import Site
from harness.workloads.stage import OTHER, SAMPLE, Stage


@pytest.mark.requirement("NM-13")
@pytest.mark.sabotage.with_args(network_value_omitted, breaks="told another network")
@pytest.mark.sabotage.with_args(wrong_net_in_injection_path, breaks="told another network")
@pytest.mark.sabotage.with_args(namespace_label_dropped, on="other-network", breaks="by default")
@pytest.mark.disturbs
def test_injection_sets_the_declared_network(cluster: Site, stage: Stage) -> None:
    pods = [pod for namespace in (SAMPLE, OTHER) for pod in injected(cluster, namespace)]
    labels = {pod["metadata"]["labels"].get(NETWORK_LABEL) for pod in pods}
    told = labels | {told_network(cluster, pod) for pod in pods}
    assert told == {cluster.network}, f"pods of {cluster} are told another network: {told}"
    said = {caller.sidecar.metadata().get("NETWORK") for caller in stage.injected(cluster)}
    assert said == {cluster.network}, f"proxies of {cluster} report another network: {said}"
    default = default_network(cluster, stage)
    assert default == cluster.network, f"{cluster} is on another network by default: {default!r}"


def default_network(cluster: Site, stage: Stage) -> str:
    """Return the network of pods that carry no label: the namespace's, or the only one there is."""
    labels = cluster.kube.get("Namespace", cluster.shape.system)["metadata"]["labels"]
    only, *others = stage.networks
    return str(labels.get(NETWORK_LABEL, "" if others else only))
