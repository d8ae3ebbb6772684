"""How the cast of one cluster is found from another, and which of it refuses connections."""

from collections.abc import Mapping

import pytest

from harness.kube import Manifest
from harness.meshes.base import MeshShape
from harness.model import Cluster, ClusterPlan
from harness.workloads.site import Site
from harness.workloads.stage import DEAD_PORT, SAMPLE, entrances, raise_stage, retried

from .conftest import MemoryKube


def placed(name: str, network: str) -> Site:
    cluster = Cluster(name=name, network=network, kubeconfig="", server="", version="v1.34.4")
    plan = ClusterPlan(
        name=name, network=network, nodes=(), pods="", services="", dns="", load_balancers=()
    )
    return Site(cluster, plan, MemoryKube())


def instance(address: str) -> Manifest:
    return {
        "kind": "Pod",
        "metadata": {"name": "echo-1", "namespace": SAMPLE, "labels": {"app": "echo"}},
        "status": {"podIP": address, "conditions": [{"type": "Ready", "status": "True"}]},
    }


def gateway(address: str, shape: MeshShape) -> Manifest:
    return {
        "kind": "Service",
        "metadata": {"name": shape.gateway, "namespace": shape.system},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


@pytest.fixture
def target() -> Site:
    site = placed("target", "blue")
    site.kube.apply(instance("10.12.0.7"))
    site.kube.apply(gateway("10.77.1.244", MeshShape()))
    return site


@pytest.mark.parametrize(("network", "entered"), [("blue", "10.12.0.7"), ("red", "10.77.1.244")])
def test_a_cluster_is_entered_at_its_pods_or_at_its_gateway(
    target: Site, network: str, entered: str
) -> None:
    assert entrances(placed("source", network), target) == {entered}


def test_the_retried_service_is_dead_in_one_cluster_and_alive_in_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Site, "rolled_out", lambda *_, **__: None)
    sites = (placed("one", "blue"), placed("other", "blue"))
    raise_stage(sites, meshed=False)
    assert ports(sites[0], retried(sites[0]).name) == {"bare": DEAD_PORT}
    assert ports(sites[1], retried(sites[0]).name) == {"echo": 8080}
    assert ports(sites[1], retried(sites[1]).name) == {"bare": DEAD_PORT}


def ports(site: Site, service: str) -> Mapping[str, int]:
    spec = site.kube.get("Service", service, SAMPLE)["spec"]
    return {spec["selector"]["app"]: spec["ports"][0]["targetPort"]}
