"""What remotes, external control planes and their hosts get, and in which order."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.files import load_topology, topology_files
from harness.meshes.istio.actions import LeadToIstiod, led_to
from harness.meshes.istio.objects import exposures, namespaces
from harness.meshes.istio.operator import SOME_ADDRESS, Release, gateways_operator, operator
from harness.meshes.istio.plan import ClusterInstall, InstallPlan, Part, plan_install
from harness.meshes.istio.refusals import unsupported
from harness.meshes.istio.steps import Rendered, Steps
from harness.meshes.runner import in_order
from harness.model import Topology

ROOT = Path(__file__).parents[3] / "topologies"
SHIPPED = {
    path.stem: load_topology(path)
    for path in (*topology_files(ROOT), *sorted((ROOT / "field").glob("*.yaml")))
}
INSTALLABLE = sorted(name for name, each in SHIPPED.items() if not unsupported(each))


def planned(name: str) -> InstallPlan:
    return plan_install(SHIPPED[name])


def parts(name: str) -> list[tuple[str, Part]]:
    return [(each.name, each.part) for each in planned(name).clusters]


def values(install: ClusterInstall) -> Any:
    return json.loads(operator(install, Release("tag")))["spec"]["values"]


def steps_of(topology: Topology) -> dict[str, tuple[str, ...]]:
    rendered = [Rendered(each, None, "{}", ()) for each in plan_install(topology).clusters]
    return {step.name: step.after for step in Steps(rendered, None).all()}


def test_a_cluster_gets_what_its_role_asks_for() -> None:
    assert parts("primary-remote") == [("cluster1", Part.PRIMARY), ("cluster2", Part.REMOTE)]
    assert parts("external-control-plane") == [
        ("external", Part.HOST),
        ("external/external", Part.EXTERNAL),
        ("cluster1", Part.REMOTE),
    ]
    assert parts("multiple-control-planes") == [
        ("cluster1/usergroup-1", Part.PRIMARY),
        ("cluster1/usergroup-2", Part.PRIMARY),
    ]


def test_a_remote_is_led_to_the_gateways_of_all_its_control_planes() -> None:
    shared = planned("shared-control-plane-ha").cluster("cluster3")
    assert [way.cluster for way in shared.ways] == ["cluster1", "cluster2"]
    assert shared.leaders == ("cluster1", "cluster2")
    (system,) = namespaces(shared)
    leaders = {"topology.istio.io/controlPlaneClusters": "cluster1,cluster2"}
    assert system["metadata"]["annotations"] == leaders


def test_an_external_control_plane_goes_by_the_name_of_its_config_cluster() -> None:
    plan = planned("external-control-plane-multi-network")
    external = plan.cluster("external")
    assert (external.part, external.shape.system) == (Part.EXTERNAL, "external-istiod")
    assert values(external)["global"]["multiCluster"] == {"clusterName": "cluster1"}
    assert values(external)["global"]["operatorManageWebhooks"] is True
    assert plan.cluster("cluster2").leaders == ("cluster1",)


def test_only_the_config_cluster_among_remotes_holds_configuration() -> None:
    plan = planned("external-control-plane-multi-network")
    first, second = (values(plan.cluster(name)) for name in ("cluster1", "cluster2"))
    assert first["global"]["configCluster"] is True
    assert "configCluster" not in second["global"]
    assert {each["global"]["remotePilotAddress"] for each in (first, second)} == {SOME_ADDRESS}
    assert second["istiodRemote"]["injectionPath"] == "/inject/cluster/cluster2/net/network2"


def test_services_of_all_its_clusters_are_exposed_where_a_control_plane_is_configured() -> None:
    plan = planned("primary-remote-multi-network")
    held = [each["metadata"]["name"] for each in exposures(plan.cluster("cluster1"))]
    assert held == ["cross-network-gateway", "istiod-gateway", "istiod-vs"]
    assert exposures(plan.cluster("cluster2")) == []
    assert plan.cluster("cluster2").shape.exposure == "cross-network-gateway"


def test_gateways_of_a_remote_are_rendered_apart() -> None:
    install = planned("primary-remote-multi-network").cluster("cluster2")
    assert "components" not in json.loads(operator(install, Release("tag")))["spec"]
    apart = json.loads(gateways_operator(install, Release("tag")))["spec"]
    assert [each["name"] for each in apart["components"]["ingressGateways"]] == [
        "istio-eastwestgateway"
    ]


def test_a_control_plane_of_some_namespaces_looks_at_no_others() -> None:
    first, second = planned("multiple-control-planes").clusters
    for install, group in ((first, "usergroup-1"), (second, "usergroup-2")):
        spec = json.loads(operator(install, Release("tag")))["spec"]
        assert spec["meshConfig"]["discoverySelectors"] == [{"matchLabels": {"usergroup": group}}]
        assert install.shape.selected == {"usergroup": group}


@pytest.mark.parametrize("name", INSTALLABLE)
def test_the_steps_of_every_topology_come_to_an_end(name: str) -> None:
    rendered = [Rendered(each, None, "{}", ()) for each in planned(name).clusters]
    steps, taken = Steps(rendered, None).all(), list[str]()
    in_order(steps, lambda step: taken.append(step.name))
    assert sorted(taken) == sorted(step.name for step in steps)


def test_a_remote_injects_once_it_is_led_to_an_istiod_that_reads_it() -> None:
    after = steps_of(SHIPPED["primary-remote"])
    assert "address of istio-eastwestgateway cluster1" in after["way to istiod cluster2"]
    assert {"way to istiod cluster2", "remote secret cluster2", "istiod ready cluster1"} <= {
        *after["injection cluster2"]
    }


def test_an_external_istiod_starts_with_the_key_to_its_configuration() -> None:
    after = steps_of(SHIPPED["external-control-plane"])
    key = "config secret external/external"
    assert key in after["istiod external/external"]
    assert "settings cluster1" in after[key]
    assert "istiod ready external/external" in after["injection cluster1"]


SERVICE = {"kind": "Service", "spec": {"ports": [{"port": 15012}]}}
SLICE = {"kind": "EndpointSlice", "endpoints": [{"addresses": [SOME_ADDRESS]}]}


def test_a_remote_is_led_to_every_address_that_there_is() -> None:
    service, piece = led_to([SERVICE, SLICE], ["10.0.0.1", "10.0.0.2"])
    assert service == SERVICE
    assert piece["endpoints"] == [{"addresses": ["10.0.0.1"]}, {"addresses": ["10.0.0.2"]}]


def test_an_address_that_is_a_name_is_looked_up_by_clients() -> None:
    (service,) = led_to([SERVICE, SLICE], ["gateway.example"])
    assert service["spec"]["type"] == "ExternalName"
    assert service["spec"]["externalName"] == "gateway.example"


def test_a_way_says_which_gateway_it_is() -> None:
    ways = planned("primary-remote").cluster("cluster2").ways
    assert str(LeadToIstiod(ways, ())) == "lead to istiod by istio-eastwestgateway of cluster1"
