"""Gateways of which each client network is told another address."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.files import load_topology
from harness.meshes.istio import IstioMesh
from harness.meshes.istio.actions import TellNetworks
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import plan_install
from harness.meshes.istio.steps import Rendered, Steps
from harness.model import Topology
from harness.model.consistency import problems

SHAPE = load_topology(Path(__file__).parents[3] / "topologies/field/address-per-network.yaml")
ADDRESSES = ["192.0.2.7", "192.0.2.8"]


def seen_from(**fields: Any) -> Topology:
    *others, last = SHAPE.gateways or ()
    return SHAPE.model_copy(update={"gateways": (*others, last.model_copy(update=fields))})


def test_its_service_has_no_label_by_which_it_would_be_found() -> None:
    plan = plan_install(SHAPE)
    labels = {
        name: json.loads(operator(plan.cluster(name), Release("tag")))["spec"]["components"][
            "ingressGateways"
        ][0]["label"]
        for name in ("cluster1", "cluster3")
    }
    assert labels["cluster1"]["topology.istio.io/network"] == "network1"
    assert "topology.istio.io/network" not in labels["cluster3"]


@pytest.mark.parametrize(
    ("cluster", "told"),
    [("cluster1", ADDRESSES[:1]), ("cluster2", ADDRESSES[1:]), ("cluster3", ADDRESSES)],
)
def test_each_control_plane_is_told_what_its_clients_see(cluster: str, told: list[str]) -> None:
    install = plan_install(SHAPE).cluster(cluster)
    ingress = [{"ip": address} for address in ADDRESSES]
    service = {"spec": {}, "status": {"loadBalancer": {"ingress": ingress}}}
    patches: list[Any] = []
    kube = SimpleNamespace(
        get=lambda kind, name, namespace: service,
        patch=lambda *patched: patches.append(patched),
    )
    clusters: Any = SimpleNamespace(kube=lambda name: kube)
    TellNetworks(install.shape, install.told).carry_out(clusters, cluster)
    ((kind, name, patch, namespace),) = patches
    assert (kind, name, namespace) == ("ConfigMap", "istio", "istio-system")
    assert json.loads(patch["data"]["meshNetworks"]) == {
        "networks": {
            "network3": {
                "endpoints": [{"fromRegistry": "cluster3"}],
                "gateways": [{"address": address, "port": 15443} for address in told],
            }
        }
    }


def test_it_is_told_once_the_gateway_has_its_addresses() -> None:
    rendered = [Rendered(each, None, "{}", ()) for each in plan_install(SHAPE).clusters]
    steps = {step.name: step for step in Steps(rendered, None).all()}
    assert steps["mesh networks cluster1"].after == (
        "istiod ready cluster1",
        "address of istio-eastwestgateway cluster3",
    )


def test_a_gateway_that_is_found_by_its_label_is_told_to_nobody() -> None:
    plain = seen_from(seen_from={})
    rendered = [Rendered(each, None, "{}", ()) for each in plan_install(plain).clusters]
    assert not [s for s in Steps(rendered, None).all() if s.name.startswith("mesh networks")]


def test_one_address_cannot_be_seen_in_two_ways() -> None:
    told = [str(each) for each in problems(seen_from(address="ip"))]
    assert any("has one address, so all see the same" in each for each in told)


def test_the_networks_of_clients_are_declared() -> None:
    told = [str(each) for each in problems(seen_from(seen_from={"network9": "first"}))]
    assert any("is seen from unknown network 'network9'" in each for each in told)


def test_one_control_plane_tells_all_its_clusters_the_same() -> None:
    plane = {"name": "p", "cluster": "cluster1", "serves": ["cluster1", "cluster2"]}
    remote = {"name": "cluster2", "network": "network2", "role": "remote", "primary": "cluster1"}
    data = SHAPE.model_dump(by_alias=True, mode="json")
    data["clusters"][1] = remote
    data["control_planes"] = [plane, {"name": "q", "cluster": "cluster3"}]
    told = IstioMesh().refuses(Topology.model_validate(data))
    assert any("tells all of them the same" in each for each in told)
