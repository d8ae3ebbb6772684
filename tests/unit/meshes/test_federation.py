"""What a mesh gets to trust another one, and to use what that offers."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.files import load_topology
from harness.meshes.federation import imported, sni
from harness.meshes.istio.objects import exposures
from harness.meshes.istio.operator import Release, operator
from harness.meshes.istio.plan import Anchor, Way, plan_install
from harness.meshes.istio.refusals import unsupported
from harness.meshes.istio.steps import Rendered, Steps
from harness.model import Import, Topology, structure

ROOT = Path(__file__).parents[3] / "topologies"
FEDERATED = load_topology(ROOT / "multi-mesh-federated.yaml")
LEDGER = Import("ledger.books", "bank", 8000, "240.241.0.7")


def changed(**fields: Any) -> Topology:
    return Topology.model_validate({**FEDERATED.model_dump(), **fields})


def settings(roots: dict[str, str]) -> Any:
    install = plan_install(FEDERATED).cluster("cluster1")
    return json.loads(operator(install, Release("tag"), roots))["spec"]


def test_an_import_is_asked_for_by_a_name_that_tells_whose_it_is() -> None:
    (service,) = structure.imports(FEDERATED, "mesh1")
    assert service.name == "offered.sample.svc.mesh2.global"
    assert structure.imports(FEDERATED, "mesh2")[0].address != service.address
    nobodys = [{**mesh.model_dump(), "exports": []} for mesh in FEDERATED.meshes]
    assert structure.imports(changed(meshes=nobodys), "mesh1") == ()


def test_a_mesh_exposes_what_it_exports_and_nothing_else() -> None:
    for cluster in ("cluster1", "cluster2"):
        (gateway,) = exposures(plan_install(FEDERATED).cluster(cluster))
        (server,) = gateway["spec"]["servers"]
        assert server["hosts"] == ["offered.sample.svc.cluster.local"]
        assert server["tls"] == {"mode": "AUTO_PASSTHROUGH"}


def test_the_root_of_a_trusted_mesh_is_believed_and_its_trust_domain_let_in() -> None:
    install = plan_install(FEDERATED).cluster("cluster1")
    assert install.anchors == (Anchor("mesh2", ("td2",)),)
    spec = settings({"mesh2": "PEM"})
    config = spec["meshConfig"]
    assert config["caCertificates"] == [{"pem": "PEM", "trustDomains": ["td2"]}]
    assert config["trustDomainAliases"] == ["td2"]
    assert config["defaultConfig"]["proxyMetadata"] == {
        "ISTIO_META_DNS_CAPTURE": "true",
        "PROXY_CONFIG_XDS_AGENT": "true",
    }
    environment = spec["components"]["pilot"]["k8s"]["env"]
    assert {"name": "ISTIO_MULTIROOT_MESH", "value": "true"} in environment


def test_a_mesh_that_trusts_nobody_has_none_of_that() -> None:
    alone = load_topology(ROOT / "multi-mesh.yaml")
    (install,) = [each for each in plan_install(alone).clusters if each.cluster == "cluster1"]
    spec = json.loads(operator(install, Release("tag")))["spec"]
    assert not {"caCertificates", "trustDomainAliases"} & {*spec["meshConfig"]}
    assert "proxyMetadata" not in spec["meshConfig"]["defaultConfig"]
    assert "MULTIROOT" not in json.dumps(spec["components"])


def test_meshes_of_one_root_need_no_bundle() -> None:
    meshes = [{**mesh.model_dump(), "root": "shared"} for mesh in FEDERATED.meshes]
    install = plan_install(changed(meshes=meshes)).cluster("cluster1")
    assert install.anchors == ()
    assert install.aliases == ("td2",)


def test_imports_wait_for_the_gateways_of_the_other_mesh() -> None:
    rendered = [Rendered(each, None, "{}", ()) for each in plan_install(FEDERATED).clusters]
    steps = {step.name: step for step in Steps(rendered, None).all()}
    assert steps["imports cluster1"].after == (
        "injection cluster1",
        "address of istio-eastwestgateway cluster2",
    )
    assert str(steps["imports cluster1"].action) == "import offered.sample.svc.mesh2.global"
    assert [each["kind"] for each in steps["imports cluster1"].action.manifests] == [
        "ServiceEntry",
        "DestinationRule",
    ]


def test_an_import_asks_gateways_by_the_name_that_their_own_mesh_knows() -> None:
    entry, rule = imported(LEDGER, "istio-system", [("192.0.2.7", 15443), ("192.0.2.8", 443)])
    assert entry["spec"]["hosts"] == [rule["spec"]["host"]] == ["ledger.books.svc.bank.global"]
    assert entry["spec"]["resolution"] == "STATIC"
    assert [(each["address"], each["ports"]) for each in entry["spec"]["endpoints"]] == [
        ("192.0.2.7", {"http": 15443}),
        ("192.0.2.8", {"http": 443}),
    ]
    assert rule["spec"]["trafficPolicy"]["tls"]["sni"] == sni(LEDGER)
    assert sni(LEDGER, "corp.example") == "outbound_.8000_._.ledger.books.svc.corp.example"


def test_gateways_with_names_are_resolved() -> None:
    entry, _ = imported(LEDGER, "istio-system", [("gateway.example", 15443)])
    assert entry["spec"]["resolution"] == "DNS"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"gateways": []},
            "mesh 'mesh2' exports services, and no gateway with an address exposes any",
        ),
        (
            {
                "clusters": [
                    *(each.model_dump() for each in FEDERATED.clusters),
                    {"name": "cluster3", "network": "network2", "mesh": "mesh1"},
                ]
            },
            "mesh 'mesh1' exports services and spans several networks",
        ),
    ],
)
def test_an_export_that_gateways_cannot_keep_to_is_refused(
    fields: dict[str, Any], told: str
) -> None:
    assert any(told in each for each in unsupported(changed(**fields)))


def test_ways_are_those_of_the_exporter() -> None:
    (found,) = plan_install(FEDERATED).cluster("cluster1").imports
    assert found.ways == (Way("cluster2", "istio-system", "istio-eastwestgateway"),)


def test_gateways_without_an_address_are_no_way_for_other_meshes() -> None:
    at_nodes = {"cluster": "cluster2", "name": "at-nodes", "type": "NodePort"}
    gateways = [{"cluster": "cluster1"}, {"cluster": "cluster2"}, at_nodes]
    (found,) = plan_install(changed(gateways=gateways)).cluster("cluster1").imports
    assert found.ways == (Way("cluster2", "istio-system", "istio-eastwestgateway"),)
