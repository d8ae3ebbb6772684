"""What kind is told follows from the plan alone."""

from typing import Any

import pytest
import yaml

from harness.model import ClusterPlan, NetworkPlan
from harness.providers.kind.config import conflist, kind_config


@pytest.fixture
def east(plan: NetworkPlan) -> dict[str, Any]:
    return read(plan.cluster("east"))


def read(cluster: ClusterPlan) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(kind_config(cluster, "node:1"))
    return content


def patches(config: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = [yaml.safe_load(text) for text in config["kubeadmConfigPatches"]]
    return [patch for patch in found if patch["kind"] == kind]


def test_pods_and_services_are_where_the_plan_has_them(
    east: dict[str, Any], plan: NetworkPlan
) -> None:
    cluster = plan.cluster("east")
    assert east["networking"]["podSubnet"] == cluster.pods
    assert east["networking"]["serviceSubnet"] == cluster.services
    assert east["networking"]["disableDefaultCNI"] is True


def test_the_engine_chooses_the_port_on_loopback(east: dict[str, Any]) -> None:
    assert east["networking"]["apiServerAddress"] == "127.0.0.1"
    assert east["networking"]["apiServerPort"] == -1


def test_nodes_are_called_as_the_plan_calls_them(east: dict[str, Any]) -> None:
    assert [node["role"] for node in east["nodes"]] == ["control-plane", "worker"]
    for number, node in enumerate(east["nodes"], 1):
        for patch in map(yaml.safe_load, node["kubeadmConfigPatches"]):
            assert patch["nodeRegistration"]["name"] == f"east-node{number}"


def test_nodes_carry_their_locality(plan: NetworkPlan) -> None:
    cluster = plan.cluster("near")
    node = cluster.nodes[0].model_copy(update={"region": "r", "zone": "z"})
    (told,) = read(cluster.model_copy(update={"nodes": (node,)}))["nodes"]
    assert told["labels"] == {
        "topology.kubernetes.io/region": "r",
        "topology.kubernetes.io/zone": "z",
    }


def test_the_certificate_names_the_address_that_others_use(
    east: dict[str, Any], plan: NetworkPlan
) -> None:
    for patch in patches(east, "ClusterConfiguration"):
        assert plan.cluster("east").api_address in patch["apiServer"]["certSANs"]


def test_settings_are_maps_or_lists_as_the_version_of_kubeadm_wants(east: dict[str, Any]) -> None:
    shapes = {
        patch["apiVersion"].rpartition("/")[2]: type(patch["scheduler"]["extraArgs"])
        for patch in patches(east, "ClusterConfiguration")
    }
    assert shapes == {"v1beta3": dict, "v1beta4": list}


def test_cluster_dns_is_left_to_the_lab(east: dict[str, Any]) -> None:
    (patch,) = patches(east, "InitConfiguration")
    assert patch["skipPhases"] == ["preflight", "addon/coredns"]


def test_every_node_of_several_takes_pods(plan: NetworkPlan, east: dict[str, Any]) -> None:
    (several,) = patches(east, "InitConfiguration")
    (one,) = patches(read(plan.cluster("west")), "InitConfiguration")
    assert several["nodeRegistration"]["taints"] == []
    assert "nodeRegistration" not in one, "kind itself takes the taint off a single node"


def test_a_node_gives_out_its_slice_of_the_pods_range(plan: NetworkPlan) -> None:
    node = plan.cluster("east").nodes[1]
    (wire,) = conflist(node)["plugins"]
    assert wire["ipam"]["ranges"] == [[{"subnet": node.pods}]]
    assert wire["ipMasq"] is False
