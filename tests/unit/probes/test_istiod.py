import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from harness.converge import retried
from harness.kube import Answer
from harness.meshes.base import MeshShape
from harness.model import ApiError, ToolError
from harness.probes.endpoints import Endpoint
from harness.probes.istiod import Istiod, Proxy, RemoteCluster, istiods, proxies_of

from .conftest import Cluster, ready

ASSIGNMENT = {
    "clusterName": "outbound_.5000_._.echo.sample.svc.cluster.local",
    "endpoints": [
        {
            "locality": {"region": "r1"},
            "lbEndpoints": [
                {
                    "endpoint": {
                        "address": {"socketAddress": {"address": "10.1.0.4", "portValue": 8080}}
                    },
                    "healthStatus": "UNHEALTHY",
                    "loadBalancingWeight": 2,
                    "metadata": {"filterMetadata": {"istio": {"workload": "e;s;e;v1;c1"}}},
                }
            ],
        }
    ],
}
SYNCED = {
    "cluster_id": "c1",
    "proxy": "echo-1.sample",
    "istio_version": "1.2.3",
    **{f"{kind}_{end}": kind for kind in ("cluster", "listener") for end in ("sent", "acked")},
}
PAGES: dict[str, Any] = {
    "syncz": [SYNCED, {**SYNCED, "proxy": "late.sample", "route_sent": "2", "route_acked": "1"}],
    "clusterz": [{"id": "c2", "secretName": "istio-system/s", "syncStatus": "timeout"}],
    "edsz?proxyID=echo-1.sample": {"configs": [ASSIGNMENT]},
    "endpointShardz": {
        "echo.sample.svc.cluster.local": {
            "sample": {"Shards": {"Kubernetes/c1": [{"Addresses": ["10.1.0.4"]}]}}
        }
    },
}


@pytest.fixture
def istiod(place: Cluster) -> Istiod:
    leaving = ready("gone", "istio-system", deletionTimestamp="now")
    place.kube.listings = {
        ("Pod", "istio-system", "app=istiod"): [ready("istiod-1", "istio-system"), leaving],
        ("Pod", None, "meshproof.io/agent=true"): [
            ready("with-proxy", "sample", containers=2),
            ready("bare", "sample"),
        ],
    }
    for page, said in PAGES.items():
        url = f"http://10.1.0.9:8080/debug/{page}"
        asked = f"POST bare:9001/fetch {url} {{'authorization': 'Bearer token-of-istiod'}}"
        place.kube.pages[asked] = Answer(200, json.dumps(said).encode())
    (found,) = istiods(place)
    return found


def test_a_proxy_is_synced_once_it_has_acknowledged_everything(istiod: Istiod) -> None:
    assert istiod.proxies() == (
        Proxy("echo-1.sample", "c1", synced=True, istiod="istiod-1", version="1.2.3"),
        Proxy("late.sample", "c1", synced=False, istiod="istiod-1", version="1.2.3"),
    )


def test_clusters_and_shards_are_named(istiod: Istiod) -> None:
    assert istiod.clusters() == (RemoteCluster("c2", "timeout", "istio-system/s"),)
    assert istiod.shards("echo.sample.svc.cluster.local") == {"c1": ("10.1.0.4",)}
    assert istiod.shards("absent") == {}


def test_endpoints_of_a_proxy_are_those_it_is_given(istiod: Istiod) -> None:
    held = istiod.endpoints_of("echo-1.sample")
    assert held == {
        ASSIGNMENT["clusterName"]: (
            Endpoint("10.1.0.4", 8080, healthy=False, weight=2, region="r1", cluster="c1"),
        )
    }
    assert istiod.endpoints_of("elsewhere.sample") == {}


def test_the_token_is_not_printed(istiod: Istiod) -> None:
    assert repr(istiod) == "Istiod(istio-system/istiod-1 in c1)"


def test_without_an_agent_nobody_can_ask(place: Cluster) -> None:
    place.kube.listings = {
        ("Pod", "istio-system", "app=istiod"): [ready("istiod-1", "istio-system")],
        ("Pod", None, "meshproof.io/agent=true"): [],
    }
    with pytest.raises(ToolError, match="no agent runs there"):
        istiods(place)
    place.kube.listings["Pod", "istio-system", "app=istiod"] = []
    assert istiods(place) == []


def test_where_the_root_namespace_is_another_one_of_its_accounts_asks(place: Cluster) -> None:
    place = replace(place, shape=MeshShape(root="istio-config"))
    place.kube.listings = {
        ("Pod", "istio-system", "app=istiod"): [ready("istiod-1", "istio-system")],
        ("Pod", None, "meshproof.io/agent=true"): [ready("bare", "sample")],
    }
    (found,) = istiods(place)
    assert found.token == "token-of-istio-config-default"


class Going:
    """An istiod that is gone when it is asked, or answers for one proxy."""

    def __init__(self, status: int = 0) -> None:
        self.status = status

    def proxies(self) -> tuple[Proxy, ...]:
        if self.status:
            raise ApiError("agent /fetch", self.status, "no route to host")
        return (Proxy("pod.space", "east", True, "istiod-2"),)


@pytest.fixture
def listings(monkeypatch: pytest.MonkeyPatch) -> list[list[Going]]:
    """What is listed, one time after the other; nobody sleeps in between."""
    found: list[list[Going]] = []
    awake = partial(retried, sleep=lambda _: None)
    monkeypatch.setattr("harness.probes.istiod.retried", awake)
    monkeypatch.setattr("harness.probes.istiod.istiods", lambda _: found.pop(0))
    return found


def test_an_istiod_that_goes_while_it_is_asked_is_asked_no_more(
    listings: list[list[Going]],
) -> None:
    listings += [[Going(), Going(502)], [Going()]]
    here: Any = None
    assert [proxy.istiod for proxy in proxies_of(here)] == ["istiod-2"]
    assert not listings


def test_an_istiod_that_refuses_is_told(listings: list[list[Going]]) -> None:
    listings += [[Going(403)]]
    here: Any = None
    with pytest.raises(ApiError, match="403"):
        proxies_of(here)
