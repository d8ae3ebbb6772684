"""Gateways of the Gateway API: which objects they are, and what their controller makes of them."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.files import load_topology
from harness.meshes.base import GATEWAY_API, offers
from harness.meshes.istio import IstioMesh, definitions
from harness.meshes.istio.objects import exposures
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import plan_install
from harness.meshes.istio.steps import Rendered, Steps
from harness.model import Topology, structure
from harness.model.topology import GatewaySpec, Role
from harness.phases import Phases

SHAPE = load_topology(Path(__file__).parents[3] / "topologies/field/gateway-api.yaml")
WORKLOAD = "istio-eastwestgateway-istio"


def with_gateway(**fields: Any) -> Topology:
    spec = GatewaySpec(cluster="cluster1", class_name="istio", **fields)
    return SHAPE.model_copy(update={"gateways": (spec,)})


def test_the_controller_names_what_it_deploys_after_the_class() -> None:
    shape = plan_install(SHAPE).cluster("cluster1").shape
    assert (shape.gateway, shape.exposure, shape.exposure_kind) == (
        WORKLOAD,
        "istio-eastwestgateway",
        GATEWAY_API,
    )
    assert shape.gateway_api
    assert shape.gateway_labels == {
        "gateway.networking.k8s.io/gateway-name": "istio-eastwestgateway"
    }


def test_the_gateway_is_its_own_exposure() -> None:
    (gateway,) = exposures(plan_install(SHAPE).cluster("cluster1"))
    assert gateway["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert gateway["metadata"]["labels"] == {"topology.istio.io/network": "network1"}
    assert gateway["spec"]["gatewayClassName"] == "istio"
    (listener,) = gateway["spec"]["listeners"]
    assert (listener["port"], listener["protocol"], listener["hostname"]) == (
        15443,
        "TLS",
        "*.local",
    )
    options = {"gateway.istio.io/listener-protocol": "auto-passthrough"}
    assert listener["tls"] == {"mode": "Passthrough", "options": options}


def test_every_host_has_a_listener_and_all_hosts_need_no_name() -> None:
    topology = with_gateway(hosts=("*.a.svc.cluster.local", "*"), address="hostname")
    (gateway,) = exposures(plan_install(topology).cluster("cluster1"))
    listeners = gateway["spec"]["listeners"]
    assert [each.get("hostname") for each in listeners] == ["*.a.svc.cluster.local", None]
    assert len({each["name"] for each in listeners}) == 2
    assert "hostname" in gateway["metadata"]["annotations"].values()


def test_istiod_is_exposed_by_the_same_object() -> None:
    topology = with_gateway(exposes=("services", "istiod"))
    gateway, *routes = exposures(plan_install(topology).cluster("cluster1"))
    names = [each["name"] for each in gateway["spec"]["listeners"]]
    assert names == ["services-0", "istiod-15012", "istiod-15017"]
    for route, (name, port) in zip(routes, zip(names[1:], (15012, 443), strict=True), strict=True):
        parent = {"name": "istio-eastwestgateway", "sectionName": name}
        backend = {"name": "istiod", "port": port}
        assert route["spec"] == {
            "parentRefs": [parent],
            "hostnames": ["istiod.istio-system.svc", "istiod.istio-system.svc.cluster.local"],
            "rules": [{"backendRefs": [backend]}],
        }


def test_istioctl_installs_no_deployment_for_it() -> None:
    text = operator(plan_install(SHAPE).cluster("cluster1"), Release("tag"))
    assert '"ingressGateways": []' in text


@pytest.mark.parametrize("by_istioctl", [False, True])
def test_it_is_waited_for_once_its_object_is_there(by_istioctl: bool) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gateways"},
        "spec": {"group": "gateway.networking.k8s.io"},
    }
    clusters = [
        Rendered(each, None, "{}", (), gateway_api=[definition])
        for each in plan_install(SHAPE).clusters
    ]
    istioctl: Any = {each.version: None for each in plan_install(SHAPE).clusters}
    steps = {each.name: each for each in Steps(clusters, istioctl if by_istioctl else None).all()}
    assert definition in steps["definitions cluster1"].action.manifests
    for awaited in (f"gateway {WORKLOAD}", f"address of {WORKLOAD}"):
        assert steps[f"{awaited} cluster1"].after == ("exposure cluster1",)


def test_definitions_are_had_only_where_a_gateway_is_of_a_class(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []
    path = tmp_path / "crds"
    path.write_text(
        "{apiVersion: v1, kind: Definition, metadata: {name: gateways}}\n", encoding="utf-8"
    )

    def ensure(names: list[str], phases: Phases, versions: Mapping[str, str]) -> dict[str, Any]:
        asked.append((names, versions))
        return {names[0]: SimpleNamespace(path=path)}

    monkeypatch.setattr(definitions, "ensure", ensure)
    plain = structure.gateways(SHAPE.model_copy(update={"gateways": None}))
    assert definitions.of_gateways(plain, "1.32-alpha.eed52ebb") == []
    assert not asked
    for istio in ("1.32-alpha.eed52ebb", "1.31-alpha.b01690e6", "1.29.0"):
        assert definitions.of_gateways(structure.gateways(SHAPE), istio)
    versions = [version["gateway-api"] for _, version in asked]
    assert versions == ["1.6.0", "1.5.1", "1.6.0"]


def test_the_need_is_met_where_a_gateway_is_of_it() -> None:
    plain = SHAPE.model_copy(update={"gateways": None})
    assert "gateway-api" in offers(IstioMesh(), SHAPE)
    assert "gateway-api" not in offers(IstioMesh(), plain)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"exposes": ()}, "it would have no listener"),
        (
            {"exposes": ("istiod",), "namespace": "edge"},
            "routes lead from it to its own namespace only",
        ),
        ({"type": "NodePort"}, "whose controller decides on its replicas and its Service"),
        ({"replicas": 2}, "whose controller decides on its replicas and its Service"),
        ({"labels": {"istio": "other"}}, "whose controller labels its pods"),
    ],
)
def test_what_its_controller_decides_is_not_declared(fields: dict[str, Any], told: str) -> None:
    (refused,) = IstioMesh().refuses(with_gateway(**fields))
    assert told in refused


def test_no_control_plane_deploys_gateways_in_a_remote() -> None:
    first, second = SHAPE.clusters
    remote = second.model_copy(update={"role": Role.REMOTE, "primary": ("cluster1",)})
    told = IstioMesh().refuses(SHAPE.model_copy(update={"clusters": (first, remote)}))
    assert any("in another cluster than its own" in each for each in told)
