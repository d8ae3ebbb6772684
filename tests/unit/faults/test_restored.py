"""A fault changes what it says and nothing else, and leaves what it found."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any

import pytest

from harness.faults.exposure import exposing, terminating, unexposed
from harness.faults.injection import _called
from harness.faults.networks import relabelled_pods
from harness.kube import Manifest
from harness.meshes.base import NETWORK_LABEL, UPSTREAM_SHAPE
from harness.model import Cluster, ClusterPlan
from harness.workloads.restoring import without_server_fields
from harness.workloads.rules import gateway, server
from harness.workloads.site import Site
from tests.unit.workloads.conftest import MemoryKube

SERVER = server(15443, "TLS", "AUTO_PASSTHROUGH", hosts=["*.local"])


def webhook(name: str, namespace: str) -> Manifest:
    service = {"name": "istiod", "namespace": namespace, "path": "/inject"}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [{"name": "w", "clientConfig": {"service": service}}],
    }


def pod(app: str) -> Manifest:
    return {
        "kind": "Pod",
        "metadata": {"name": f"{app}-1", "namespace": "sample", "labels": {"app": app}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


@pytest.fixture
def site() -> Site:
    cluster = Cluster(name="c1", network="n1", kubeconfig="", server="", version="v1.34.4")
    plan = ClusterPlan(
        name="c1", network="n1", nodes=(), pods="", services="", dns="", load_balancers=()
    )
    made = Site(cluster, plan, MemoryKube())
    exposed = gateway(
        UPSTREAM_SHAPE.exposure, UPSTREAM_SHAPE.system, labels={"istio": "x"}, servers=[SERVER]
    )
    ours, foreign = webhook("istio", UPSTREAM_SHAPE.system), webhook("other", "elsewhere")
    for each in (exposed, ours, foreign, pod("echo"), pod("probe-b")):
        made.kube.create(each)
    return made


def everything(site: Site) -> dict[Any, Manifest]:
    assert isinstance(site.kube, MemoryKube)
    stored = deepcopy(site.kube.objects)
    return {key: without_server_fields(each) for key, each in stored.items()}


Fault = Callable[[Site], AbstractContextManager[None]]


@pytest.mark.parametrize(
    ("fault", "changed"),
    [
        (unexposed, {"cross-network-gateway"}),
        (lambda site: exposing(site, hosts=["*.some"]), {"cross-network-gateway"}),
        (lambda site: terminating(site, SERVER | {"hosts": []}), {"cross-network-gateway"}),
        (lambda site: relabelled_pods(site, "n2"), {"echo-1", "probe-b-1"}),
        (lambda site: _called(site, path="/inject/net/n2"), {"istio"}),
    ],
)
def test_a_fault_changes_what_it_says_and_leaves_what_it_found(
    site: Site, fault: Fault, changed: set[str]
) -> None:
    before = everything(site)
    with fault(site):
        broken = everything(site)
        assert {key[1] for key in before if broken.get(key) != before[key]} == changed
    assert everything(site) == before


def test_the_injector_is_called_by_another_path(site: Site) -> None:
    with _called(site, path="/inject/net/n2"):
        found = site.kube.get("MutatingWebhookConfiguration", "istio")
        assert found["webhooks"][0]["clientConfig"]["service"]["path"] == "/inject/net/n2"


def test_pods_say_that_they_are_elsewhere(site: Site) -> None:
    with relabelled_pods(site, "n2"):
        assert site.pods("sample", "echo")[0]["metadata"]["labels"][NETWORK_LABEL] == "n2"
