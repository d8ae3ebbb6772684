import json
from typing import Any

from harness.meshes.base import ACCESS_LOG
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import plan_install
from harness.model import Topology
from harness.model.plan import NODE_PORT
from harness.model.topology import ControlPlaneSpec, GatewayServiceType, GatewaySpec


def _spec(topology: Topology, cluster: str = "cluster2") -> Any:
    install = plan_install(topology).cluster(cluster)
    return json.loads(operator(install, Release("tag")))["spec"]


def test_identity_of_the_cluster_stands_in_the_values(two: Topology) -> None:
    values = _spec(two)["values"]["global"]
    assert values["meshID"] == "mesh1"
    assert values["multiCluster"] == {"clusterName": "cluster2"}
    assert values["network"] == "network2"


def test_a_gateway_serves_its_own_network_only(two: Topology) -> None:
    (gateway,) = _spec(two)["components"]["ingressGateways"]
    view = {"name": "ISTIO_META_REQUESTED_NETWORK_VIEW", "value": "network2"}
    assert gateway["k8s"]["env"] == [view]
    assert gateway["label"] == {
        "app": "istio-eastwestgateway",
        "istio": "eastwestgateway",
        "topology.istio.io/network": "network2",
    }
    ports = {port["name"]: port["port"] for port in gateway["k8s"]["service"]["ports"]}
    assert ports == {"status-port": 15021, "tls": 15443, "tls-istiod": 15012, "tls-webhook": 15017}


def test_a_single_network_gets_no_gateway(two: Topology) -> None:
    one = two.model_copy(update={"networks": two.networks[:1], "clusters": two.clusters[:1]})
    assert _spec(one, "cluster1")["components"]["ingressGateways"] == []


def test_no_hidden_retries_and_a_readable_log(two: Topology) -> None:
    mesh = _spec(two)["meshConfig"]
    assert mesh["defaultHttpRetryPolicy"] == {}
    assert mesh["accessLogEncoding"] == "JSON"
    assert json.loads(mesh["accessLogFormat"]) == ACCESS_LOG


def test_stock_envoy_is_not_asked_for_extensions_it_lacks(two: Topology) -> None:
    spec = _spec(two)
    env = {each["name"]: each["value"] for each in spec["components"]["pilot"]["k8s"]["env"]}
    assert env["PILOT_ENABLE_METADATA_EXCHANGE"] == "false"
    assert env["PILOT_ENABLE_ALPN_FILTER"] == "false"
    assert spec["values"]["telemetry"] == {"enabled": False}


def test_equal_plans_give_equal_text(two: Topology) -> None:
    install = plan_install(two).cluster("cluster1")
    texts = {operator(install, Release("tag")) for _ in range(2)}
    assert len(texts) == 1


def test_a_gateway_is_what_the_topology_says_of_it(two: Topology) -> None:
    spec = GatewaySpec(
        cluster="cluster2",
        name="crossnetwork",
        namespace="istio-eastwest",
        labels={"gateway": "crossnetwork"},
        port=35443,
        replicas=2,
    )
    (gateway,) = _spec(two.model_copy(update={"gateways": (spec,)}))["components"][
        "ingressGateways"
    ]
    assert (gateway["name"], gateway["namespace"]) == ("crossnetwork", "istio-eastwest")
    assert gateway["label"] == {
        "app": "crossnetwork",
        "gateway": "crossnetwork",
        "networking.istio.io/gatewayPort": "35443",
        "topology.istio.io/network": "network2",
    }
    assert gateway["k8s"]["replicaCount"] == 2
    ports = {port["name"]: port["port"] for port in gateway["k8s"]["service"]["ports"]}
    assert ports["tls"] == 35443


def test_a_control_plane_is_what_the_topology_says_of_it(two: Topology) -> None:
    plane = ControlPlaneSpec(
        name="own",
        cluster="cluster2",
        namespace="mesh-system",
        revision="stable",
        root_namespace="mesh-config",
        replicas=3,
        trust_domain="two.example",
    )
    spec = _spec(two.model_copy(update={"control_planes": (plane,)}))
    assert spec["revision"] == "stable"
    assert spec["values"]["global"]["istioNamespace"] == "mesh-system"
    assert spec["components"]["pilot"]["k8s"]["replicaCount"] == 3
    assert spec["meshConfig"]["rootNamespace"] == "mesh-config"
    assert spec["meshConfig"]["trustDomain"] == "two.example"
    assert spec["meshConfig"]["trustDomainAliases"] == ["cluster.local"]


def test_a_gateway_without_an_address_is_reached_at_a_port_of_every_node(two: Topology) -> None:
    spec = GatewaySpec(cluster="cluster2", type=GatewayServiceType.NODE_PORT)
    (gateway,) = _spec(two.model_copy(update={"gateways": (spec,)}))["components"][
        "ingressGateways"
    ]
    assert gateway["k8s"]["service"]["type"] == "NodePort"
    ports = {port["name"]: port.get("nodePort") for port in gateway["k8s"]["service"]["ports"]}
    assert {name for name, port in ports.items() if port} == {"tls"}
    assert ports["tls"] == NODE_PORT
    nodes = gateway["k8s"]["serviceAnnotations"]["traffic.istio.io/nodeSelector"]
    assert json.loads(nodes) == {"kubernetes.io/os": "linux"}
