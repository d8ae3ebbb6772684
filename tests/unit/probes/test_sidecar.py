import base64
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from harness.probes.certificates import issued_by, split
from harness.probes.endpoints import Endpoint
from harness.probes.identity import alien
from harness.probes.sidecar import Sidecar, outbound

HOST = "echo.sample.svc.cluster.local"
NAME = "outbound|5000||echo.sample.svc.cluster.local"


def lb_endpoint(address: str, port: int, cluster: str, **more: Any) -> dict[str, Any]:
    workload = {"istio": {"workload": f"echo;sample;echo;v1;{cluster}"}}
    mode = {"envoy.transport_socket_match": {"tlsMode": "istio"}}
    return {
        "endpoint": {"address": {"socket_address": {"address": address, "port_value": port}}},
        "health_status": "HEALTHY",
        "metadata": {"filter_metadata": {**workload, **mode}},
        **more,
    }


DUMP = {
    "configs": [
        {
            "@type": "type.googleapis.com/envoy.admin.v3.EndpointsConfigDump.DynamicEndpointConfig",
            "endpoint_config": {
                "cluster_name": NAME,
                "endpoints": [
                    {
                        "locality": {"region": "r1", "zone": "z1"},
                        "lb_endpoints": [
                            lb_endpoint("10.1.0.4", 8080, "c1", load_balancing_weight=1)
                        ],
                    },
                    {
                        "locality": {"region": "r2"},
                        "priority": 1,
                        "lb_endpoints": [
                            lb_endpoint("192.0.2.9", 15443, "c2", load_balancing_weight=3)
                        ],
                    },
                ],
            },
        }
    ]
}


def host(address: str, port: int, **status: Any) -> dict[str, Any]:
    where = {"socket_address": {"address": address, "port_value": port}}
    return {"address": where, "health_status": {"eds_health_status": "HEALTHY", **status}}


PAGE = {
    "cluster_statuses": [
        {
            "name": NAME,
            "host_statuses": [
                host("10.1.0.4", 8080, failed_outlier_check=True),
                host("192.0.2.9", 15443),
            ],
        },
        {"name": "agent"},
    ]
}


@dataclass
class Admin:
    """Answers prepared admin pages, by their path without query, and refuses any other."""

    pages: dict[str, Any]
    asked: list[str] = field(default_factory=list)

    def __call__(self, method: str, path: str) -> Any:
        assert method == "GET"
        asked = unquote(path.removeprefix("/admin?path="))
        self.asked.append(asked)
        return self.pages[asked.partition("?")[0]]


def test_endpoints_join_metadata_with_health() -> None:
    admin = Admin({"/config_dump": DUMP, "/clusters": PAGE})
    near, far = Sidecar(admin).endpoints(HOST, 5000)
    assert near == Endpoint(
        address="10.1.0.4",
        port=8080,
        healthy=False,
        weight=1,
        priority=0,
        region="r1",
        zone="z1",
        cluster="c1",
        tls_mode="istio",
    )
    assert str(near) == "10.1.0.4:8080 c1 x1 unhealthy"
    assert str(far) == "192.0.2.9:15443 c2 x3 p1"


def test_an_unknown_host_has_no_endpoints() -> None:
    assert Sidecar(Admin({"/config_dump": {}})).endpoints("absent", 80) == ()


def test_a_subset_is_part_of_the_name() -> None:
    assert outbound(HOST, 5000, subset="v2") == f"outbound|5000|v2|{HOST}"


def test_only_the_one_cluster_is_asked_for() -> None:
    admin = Admin({"/config_dump": DUMP, "/clusters": PAGE})
    Sidecar(admin).endpoints(HOST, 5000)
    escaped = r"name_regex=^outbound\|5000\|\|echo\.sample\.svc\.cluster\.local$"
    assert escaped in unquote(admin.asked[0])


def test_a_proxy_knows_the_services_that_it_was_told_of() -> None:
    sidecar = Sidecar(Admin({"/clusters": PAGE}))
    assert sidecar.knows(HOST, 5000)
    assert not sidecar.knows(HOST, 5001)
    assert not Sidecar(Admin({"/clusters": {}})).knows(HOST, 5000)


def test_clusters_stats_and_metadata_are_plain_data() -> None:
    stats = {"stats": [{"name": "a.cx_total", "value": 3}, {"histograms": {}}]}
    info = {"node": {"metadata": {"CLUSTER_ID": "c1"}}}
    sidecar = Sidecar(Admin({"/clusters": PAGE, "/stats": stats, "/server_info": info}))
    assert sidecar.clusters() == ("agent", NAME)
    assert sidecar.stats("cx_total") == {"a.cx_total": 3}
    assert sidecar.metadata()["CLUSTER_ID"] == "c1"


def test_certificates_are_split_and_named() -> None:
    identity = alien("spiffe://td/ns/a/sa/b")
    leaf, root = split(identity.certificate_pem)

    def inline(pem: str) -> dict[str, str]:
        return {"inline_bytes": base64.b64encode(pem.encode()).decode()}

    chain = {"tls_certificate": {"certificate_chain": inline(identity.certificate_pem)}}
    trust = {"validation_context": {"trusted_ca": inline(root)}}
    secrets = {
        "configs": [{"name": "default", "secret": chain}, {"name": "ROOTCA", "secret": trust}]
    }
    held = Sidecar(Admin({"/config_dump": secrets})).certificates()
    assert held.leaf_uris == ("spiffe://td/ns/a/sa/b",)
    assert held.chain_pem == (leaf, root)
    assert held.root_pem == root
    assert issued_by(leaf, root)
    assert not issued_by(root, leaf)
