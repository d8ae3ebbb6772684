"""Ambient meshes: what is installed, from which images, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.files import load_topology
from harness.meshes import waiting
from harness.meshes.base import offers
from harness.meshes.istio import IstioMesh, images
from harness.meshes.istio.objects import exposures
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import plan_install
from harness.meshes.istio.refusals import unsupported
from harness.meshes.istio.steps import Rendered, Steps
from harness.model import Topology, structure
from harness.model.images import Reference
from harness.model.topology import GatewaySpec, Role

ROOT = Path(__file__).parents[3] / "topologies"
AMBIENT = load_topology(ROOT / "ambient-multi-primary-multi-network.yaml")


def spec_of(cluster: str) -> Any:
    return json.loads(operator(plan_install(AMBIENT).cluster(cluster), Release("1.29.0")))["spec"]


def test_the_profile_is_ambient_and_networks_are_spanned() -> None:
    spec = spec_of("cluster2")
    assert spec["profile"] == "ambient"
    assert spec["values"]["global"]["network"] == "network2"
    assert spec["values"]["global"]["multiCluster"] == {"clusterName": "cluster2"}
    variables = {each["name"]: each["value"] for each in spec["components"]["pilot"]["k8s"]["env"]}
    assert variables["AMBIENT_ENABLE_MULTI_NETWORK"] == "true"
    assert not [name for name in variables if "FILTER" in name]  # Envoy is Istio's own there
    assert spec["components"]["ingressGateways"] == []


def test_its_gateway_ends_hbone() -> None:
    (gateway,) = exposures(plan_install(AMBIENT).cluster("cluster1"))
    assert gateway["metadata"]["labels"] == {"topology.istio.io/network": "network1"}
    assert gateway["spec"] == {
        "gatewayClassName": "istio-east-west",
        "listeners": [
            {
                "name": "mesh",
                "port": 15008,
                "protocol": "HBONE",
                "tls": {
                    "mode": "Terminate",
                    "options": {"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"},
                },
            }
        ],
    }


def test_gateways_that_nobody_declares_are_those_of_ambient_meshes() -> None:
    implied = structure.gateways(AMBIENT.model_copy(update={"gateways": None}))
    assert {(each.workload, each.class_name, each.port) for each in implied} == {
        ("istio-eastwestgateway", "istio-east-west", 15008)
    }


def test_what_runs_on_every_node_is_waited_for() -> None:
    daemon_set = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "ztunnel", "namespace": "istio-system"},
    }
    clusters = [Rendered(each, None, "{}", [daemon_set]) for each in plan_install(AMBIENT).clusters]
    steps = {step.name: step for step in Steps(clusters, None).all()}
    assert daemon_set in steps["settings cluster1"].action.manifests
    assert "ztunnel is ready on every node" in str(steps["nodes ztunnel cluster1"])


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        ({}, False),
        ({"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 1}, False),
        ({"desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberReady": 2}, False),
        ({"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2}, True),
    ],
)
def test_every_node_that_wants_a_pod_has_one(status: dict[str, int], ready: bool) -> None:
    seen = {"observedGeneration": 3, **status}
    assert waiting.on_every_node({"metadata": {"generation": 3}, "status": seen}) is ready
    assert not waiting.on_every_node({"metadata": {"generation": 4}, "status": seen})


def test_all_images_are_those_of_the_release() -> None:
    assert images.released(["1.29.0"]) == {
        f"docker.io/istio/{name}:1.29.0": Reference(f"docker.io/istio/{name}:1.29.0")
        for name in ("install-cni", "pilot", "proxyv2", "ztunnel")
    }


def test_versions_that_are_no_release_are_refused() -> None:
    (told,) = IstioMesh().refuses(AMBIENT)
    assert "is in no registry, since it is no release: choose one by --mesh-version" in told
    assert unsupported(AMBIENT) == []


def test_waypoints_are_there_in_ambient_meshes_only() -> None:
    plain = load_topology(ROOT / "multi-primary-multi-network.yaml")
    assert "waypoint" in offers(IstioMesh(), AMBIENT)
    assert "waypoint" not in offers(IstioMesh(), plain)


def remote() -> Topology:
    first, second = AMBIENT.clusters
    other = second.model_copy(update={"role": Role.REMOTE, "primary": ("cluster1",)})
    return AMBIENT.model_copy(update={"clusters": (first, other), "gateways": None})


def gated(**fields: Any) -> Topology:
    return AMBIENT.model_copy(update={"gateways": (GatewaySpec(cluster="cluster1", **fields),)})


@pytest.mark.parametrize(
    ("topology", "told"),
    [
        (remote(), "clusters without a control plane of their own are not supported"),
        (gated(), "gateways that are no objects of the Gateway API are not looked at"),
        (gated(class_name="istio"), "with data plane ambient only istio-east-west is installed"),
    ],
)
def test_what_istio_has_for_sidecars_only_is_refused(topology: Topology, told: str) -> None:
    assert any(told in each for each in unsupported(topology))
