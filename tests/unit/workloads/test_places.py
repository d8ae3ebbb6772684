"""Instances around a caller: where they say that they are, and where rules send its calls."""

from harness.kube import Manifest
from harness.workloads.places import HERE, LAST, REGION, ZONE, Places, moved, place_of, placed
from harness.workloads.site import Site

from .conftest import MemoryKube


def node(kube: MemoryKube) -> None:
    """A node of a region, and a pod on it."""
    labels = {"topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": "z"}
    kube.put({"kind": "Node", "metadata": {"name": "node", "labels": labels}})
    metadata = {"name": "caller", "namespace": "sample"}
    kube.put({"kind": "Pod", "metadata": metadata, "spec": {"nodeName": "node"}})


def around(site: Site) -> Places:
    caller = site.caller("sample", "probe-b")
    return Places(site, caller, "r", "z")


def caller(kube: MemoryKube, name: str = "probe-b-1", **labels: str) -> None:
    status = {
        "podIP": "10.0.0.1",
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    labels = {"app": "probe-b", **labels}
    metadata = {"name": name, "namespace": "sample", "labels": labels}
    kube.put({"kind": "Pod", "metadata": metadata, "status": status})


def test_a_callers_place_is_that_of_its_node(site: Site, kube: MemoryKube) -> None:
    node(kube)
    assert place_of(site, "caller") == ("r", "z")


def test_instances_are_nearer_and_farther_than_one_another(site: Site, kube: MemoryKube) -> None:
    caller(kube)
    places = around(site)
    regions = {place: where[0] for place, where in places.localities.items()}
    assert places.localities[HERE] == ("r", "z")
    assert regions[ZONE] == "r"
    assert places.localities[ZONE] != places.localities[HERE]
    assert len({"r", regions[REGION], regions[LAST]}) == 3
    assert list(places.localities) == [HERE, ZONE, REGION, LAST]


def test_a_place_without_weight_is_not_named(site: Site, kube: MemoryKube) -> None:
    caller(kube)
    policy = around(site).distribution({HERE: 70, ZONE: 20, REGION: 0, LAST: 10})
    (rule,) = policy["loadBalancer"]["localityLbSetting"]["distribute"]
    assert rule["from"] == "r/z/*"
    assert sorted(rule["to"].values()) == [10, 20, 70]
    assert not any("region-next" in where for where in rule["to"])


def test_failover_names_the_callers_region(site: Site, kube: MemoryKube) -> None:
    caller(kube)
    policy = around(site).failover(LAST)
    (rule,) = policy["loadBalancer"]["localityLbSetting"]["failover"]
    assert rule == {"from": "r", "to": "region-last"}
    assert policy["outlierDetection"]


def test_every_instance_has_a_deployment_that_says_where_it_is(
    site: Site, kube: MemoryKube
) -> None:
    def rolls_out(manifest: Manifest) -> None:
        if manifest["kind"] == "Deployment":
            generation = manifest["metadata"]["generation"]
            counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 1)
            manifest["status"] = {"observedGeneration": generation, **counts}

    caller(kube)
    kube.reacts = rolls_out
    with placed(around(site)):
        told = {
            found["metadata"]["name"]: found["spec"]["template"]["metadata"]["labels"]
            for (kind, _, _), found in kube.objects.items()
            if kind == "Deployment"
        }
    assert len(told) == 4
    assert told["placed-c1-region2"]["istio-locality"] == "region-next.zone3"
    assert not [kind for kind, _, _ in kube.objects if kind in ("Deployment", "Service")]


def test_an_instance_that_moves_comes_back(site: Site, kube: MemoryKube) -> None:
    caller(kube)
    here = {"app": "placed-c1", "version": HERE, "istio-locality": "r.z"}
    caller(kube, "placed-1", **here)

    def label() -> str:
        return str(kube.get("Pod", "placed-1", "sample")["metadata"]["labels"]["istio-locality"])

    with moved(around(site), HERE, LAST):
        assert label() == "region-last.zone4"
    assert label() == "r.z"
