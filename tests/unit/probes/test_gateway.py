import json

import pytest

from harness.kube import Answer, Manifest
from harness.model import ApiError, ToolError
from harness.probes.access_log import parse
from harness.probes.gateway import counters_in, gateways, ways_in

from .conftest import Cluster, ready

NAME = "outbound_.9000_._.echo.sample.svc.cluster.local"
TEXT = f"""\
# TYPE envoy_cluster_upstream_cx_total counter
envoy_cluster_upstream_cx_total{{cluster_name="{NAME}"}} 42
envoy_cluster_upstream_cx_total{{cluster_name="xds-grpc"}} 1
envoy_cluster_upstream_cx_length_ms_bucket{{cluster_name="{NAME}",le="0.5"}} 7
envoy_server_live{{}} 1
"""
CONNECTION = {
    "path": None,
    "peer": "10.2.0.1:32536",
    "response_code": 0,
    "response_flags": "-",
    "sni": NAME,
    "upstream_cluster": f"{NAME};",
    "upstream_host": "10.2.0.5:9000",
}


def test_counters_have_envoys_own_names(place: Cluster) -> None:
    place.kube.listings["Pod", "istio-system", "istio=eastwestgateway"] = [
        ready("gateway-1", "istio-system")
    ]
    asked = "cluster%3B%3F%5C.x%3B%3F%5C.upstream_cx_total"
    page = f"GET gateway-1:15090/stats/prometheus?filter={asked}"
    place.kube.pages[page] = Answer(200, b'envoy_cluster_upstream_cx_total{cluster_name="x"} 2\n')
    (gateway,) = gateways(place)
    assert gateway.counters(r"cluster\.x\.upstream_cx_total") == {"cluster.x.upstream_cx_total": 2}


def test_histograms_and_the_servers_own_are_left_out() -> None:
    assert counters_in(TEXT.splitlines()) == {
        f"cluster.{NAME}.upstream_cx_total": 42,
        "cluster.xds-grpc.upstream_cx_total": 1,
    }


def test_a_gateway_that_does_not_answer_is_no_observation(place: Cluster) -> None:
    place.kube.listings["Pod", "istio-system", "istio=eastwestgateway"] = [
        ready("gateway-1", "istio-system")
    ]
    place.kube.pages["GET gateway-1:15090/stats/prometheus?filter=x"] = Answer(503, b"gone")
    with pytest.raises(ApiError, match="gone"):
        gateways(place)[0].counters("x")


def balanced(*ingress: dict[str, str]) -> Manifest:
    metadata = {"name": "istio-eastwestgateway", "namespace": "istio-system"}
    return {"metadata": metadata, "spec": {}, "status": {"loadBalancer": {"ingress": [*ingress]}}}


def test_a_gateway_is_entered_at_each_of_its_addresses_and_at_those_of_its_names(
    place: Cluster,
) -> None:
    kube, service = place.kube, ("Service", "istio-eastwestgateway", "istio-system")
    kube.objects[service] = balanced({"ip": "10.2.0.1"}, {"ip": "10.2.0.2"})
    assert ways_in(place) == {("10.2.0.1", 15443), ("10.2.0.2", 15443)}
    kube.objects[service] = balanced({"hostname": "gateway.example"})
    kube.listings["Pod", None, "meshproof.io/agent=true"] = []
    with pytest.raises(ToolError, match="no agent runs in c1 to ask through"):
        ways_in(place)
    kube.listings["Pod", None, "meshproof.io/agent=true"] = [ready("bare", "sample")]
    resolved = b'{"addresses": ["10.2.0.3"], "trouble": ""}'
    kube.pages["POST bare:9001/resolve gateway.example"] = Answer(200, resolved)
    assert ways_in(place) == {("10.2.0.3", 15443)}


def test_the_log_is_read_past_the_proxys_own_words(place: Cluster) -> None:
    lines = ["2026-01-01 info started", "{broken", '{"level":"info"}', json.dumps(CONNECTION)]
    (entry,) = parse(lines)
    assert (entry.path, entry.response_code, entry.upstream_cluster) == ("", 0, NAME)
    assert (entry.peer_address, entry.upstream_address) == ("10.2.0.1", "10.2.0.5")
