"""How the cast of one cluster is found from another, and which of it refuses connections."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from harness.kube import Manifest
from harness.meshes.base import MeshShape
from harness.model import Cluster, ClusterPlan, ClusterSpec, NetworkSpec, Topology, structure
from harness.model.topology import GatewaySpec
from harness.workloads.site import Site
from harness.workloads.stage import (
    DEAD_PORT,
    SAMPLE,
    Stage,
    raise_stage,
    retried,
    shares_of_split,
)

from .conftest import MemoryKube


def placed(name: str, network: str, *, gated: bool = False) -> Site:
    cluster = Cluster(name=name, network=network, kubeconfig="", server="", version="v1.34.4")
    plan = ClusterPlan(
        name=name, network=network, nodes=(), pods="", services="", dns="", load_balancers=()
    )
    topology = Topology(
        name="one",
        title="One cluster with a gateway",
        networks=(NetworkSpec(name=network),),
        clusters=(ClusterSpec(name=name, network=network),),
        gateways=(GatewaySpec(cluster=name),) if gated else (),
    )
    gateways = structure.gateways(topology)
    return Site(cluster, plan, MemoryKube(), gateways=gateways)


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
        "spec": {},
        "status": {"loadBalancer": {"ingress": [{"ip": address}]}},
    }


@pytest.fixture
def target() -> Site:
    site = placed("target", "blue", gated=True)
    site.kube.apply(instance("10.12.0.7"))
    site.kube.apply(gateway("10.77.1.244", MeshShape()))
    return site


@pytest.mark.parametrize(("network", "entered"), [("blue", "10.12.0.7"), ("red", "10.77.1.244")])
def test_a_cluster_is_entered_at_its_pods_or_at_its_gateway(
    target: Site, network: str, entered: str
) -> None:
    source = placed("source", network)
    assert Stage((source, target)).entrances(source, target) == {entered}


def test_a_cluster_without_a_gateway_is_entered_by_that_of_its_network(target: Site) -> None:
    source, neighbour = placed("source", "red"), placed("neighbour", "blue")
    stage = Stage((source, target, neighbour))
    assert stage.entrances(source, neighbour) == {"10.77.1.244"}
    assert stage.gated(neighbour) == (target,)


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


@pytest.fixture
def sites(monkeypatch: pytest.MonkeyPatch) -> tuple[Site, ...]:
    monkeypatch.setattr(Site, "rolled_out", lambda *_, **__: None)
    return (placed("one", "blue"), placed("other", "blue"))


def test_of_a_new_cast_nothing_was_put_back(sites: tuple[Site, ...]) -> None:
    assert raise_stage(sites, meshed=False).put_back == ()
    assert raise_stage(sites, meshed=False).put_back == ()


def test_what_somebody_changed_in_the_cast_is_put_back_and_said(sites: tuple[Site, ...]) -> None:
    raise_stage(sites, meshed=False)
    sites[0].kube.patch("Service", "echo", {"spec": {"selector": {"app": "other"}}}, SAMPLE)
    sites[1].kube.delete("Service", "near", SAMPLE)
    put_back = raise_stage(sites, meshed=False).put_back
    assert put_back == ("Service echo in one", "Service near in other")


@pytest.mark.parametrize(
    ("count", "weights"), [(1, [100]), (2, [90, 10]), (4, [90, 4, 3, 3]), (5, [90, 3, 3, 2, 2])]
)
def test_the_weights_of_the_split_sum_to_a_hundred(count: int, weights: list[int]) -> None:
    shares = shares_of_split([placed(f"c{number}", "blue") for number in range(count)])
    assert list(shares.values()) == weights
    assert sum(weights) == 100


ALL = frozenset({"near", "far", "wide"})
NEAR, FAR, WIDE = (
    replace(placed(name, network), linked=ALL - {name})
    for name, network in (("near", "red"), ("far", "blue"), ("wide", "blue"))
)
THREE = Stage((NEAR, FAR, WIDE))


def test_clusters_of_one_network_are_kin() -> None:
    assert THREE.kin(FAR) == THREE.kin(WIDE) == (FAR, WIDE)
    assert THREE.kin(NEAR) == (NEAR,)


def test_clusters_behind_shared_gateways_are_told_apart_from_within_only() -> None:
    assert THREE.together(NEAR, FAR) == THREE.together(NEAR, WIDE) == {"far", "wide"}
    assert THREE.together(FAR, WIDE) == {"wide"}
    assert THREE.apart(NEAR) == [{"near"}, {"far", "wide"}]
    assert THREE.apart(FAR) == [{"near"}, {"far"}, {"wide"}]


def test_who_is_not_linked_answers_nobody_elsewhere() -> None:
    unlinked = Stage((NEAR, replace(FAR, linked=frozenset())))
    assert unlinked.apart(unlinked.sites[1]) == [{"far"}]
