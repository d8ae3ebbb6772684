"""Objects of every kind that can be listed are traces, but for those that pass by themselves."""

import json
from typing import Any

import pytest

from harness.kube import Answer, Kube, Manifest
from harness.meshes import traces
from harness.model import ApiError, Topology, plan_networks
from harness.phases import Phases
from harness.providers.base import RaiseOptions
from harness.providers.paper import PaperProvider


def resource(kind: str, name: str, *verbs: str) -> Manifest:
    return {"kind": kind, "name": name, "verbs": verbs or ["list"], "namespaced": True}


def item(name: str, **metadata: Any) -> Manifest:
    return {"metadata": {"name": name, **metadata}}


PAGES: dict[str, Any] = {
    "/apis": {
        "groups": [
            {"preferredVersion": {"groupVersion": "acme.io/v1"}},
            {"preferredVersion": {"groupVersion": "gone.io/v1"}},
        ]
    },
    "/api/v1": {
        "resources": [
            resource("ConfigMap", "configmaps"),
            resource("Event", "events"),
            resource("Pod", "pods"),
            resource("Binding", "bindings", "create"),
        ]
    },
    "/apis/acme.io/v1": {"resources": [resource("Anvil", "anvils"), resource("Gone", "gones")]},
    "/api/v1/configmaps": {"items": [item("root", namespace="sample")]},
    "/api/v1/pods": {"items": [item("owned", namespace="sample", ownerReferences=[{}])]},
    "/apis/acme.io/v1/anvils": {
        "items": [item("heavy"), item("own", labels={"kubernetes.io/bootstrapping": "rbac"})]
    },
}


class Pages(Kube):
    def __init__(self, kubeconfig: str) -> None:
        del kubeconfig

    def request(self, method: str, path: str, body: Manifest | None = None) -> Answer:
        if path not in PAGES:
            raise ApiError(f"{method} {path}", 404, "not found")
        return Answer(200, json.dumps(PAGES[path]).encode())


def test_every_object_counts_that_belongs_to_no_other(
    two: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "Kube", Pages)
    provider, phases = PaperProvider(), Phases(say=lambda _: None)
    lab = provider.up(two, plan_networks(two), phases, RaiseOptions())
    provider.down(lab)
    assert traces.traces(lab) == {
        (cluster, *trace)
        for cluster in ("cluster1", "cluster2")
        for trace in (("ConfigMap", "sample", "root"), ("Anvil", "", "heavy"))
    }
