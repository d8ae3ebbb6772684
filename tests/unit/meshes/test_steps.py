"""Everything rendered is applied in some step, in an order that ends."""

from collections.abc import Sequence

import pytest

from harness.kube import Manifest
from harness.meshes import ca
from harness.meshes.installation import Apply, Installation, Step
from harness.meshes.istio.plan import plan_install
from harness.meshes.istio.steps import Rendered, Steps
from harness.meshes.runner import in_order
from harness.model import Topology


def _object(kind: str, name: str, version: str = "v1", **spec: object) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


RENDERED = (
    _object("ServiceAccount", "istiod"),
    _object("CustomResourceDefinition", "telemetries", group="telemetry.istio.io"),
    _object("Telemetry", "default", "telemetry.istio.io/v1"),
    _object("Deployment", "istiod"),
    _object("Deployment", "istio-eastwestgateway"),
    _object("Deployment", "somebody-elses"),
    _object("DaemonSet", "istio-cni-node"),
    _object("NetworkPolicy", "istiod", "networking.k8s.io/v1"),
    _object("MutatingWebhookConfiguration", "injector"),
    _object("ValidatingWebhookConfiguration", "validator"),
)


@pytest.fixture(scope="module")
def authority() -> ca.Authority:
    return ca.make_root()


def _steps(
    topology: Topology, authority: ca.Authority, rendered: Sequence[Manifest] = RENDERED
) -> tuple[Step, ...]:
    clusters = [
        Rendered(each, authority, "{}", rendered) for each in plan_install(topology).clusters
    ]
    return Steps(clusters, None).all()


def test_no_object_of_a_rendering_is_dropped(two: Topology, authority: ca.Authority) -> None:
    installation = Installation("istio", "two", _steps(two, authority))
    for cluster in ("cluster1", "cluster2"):
        applied = installation.manifests(cluster)
        assert all(applied.count(each) == 1 for each in RENDERED)
        added = [each["kind"] for each in applied if each not in RENDERED]
        assert sorted(added) == ["Gateway", "Namespace", "Secret"]


@pytest.mark.parametrize("kind", ["Deployment", "CustomResourceDefinition", "Telemetry"])
def test_a_rendering_may_lack_what_others_have(
    two: Topology, authority: ca.Authority, kind: str
) -> None:
    rendered = [each for each in RENDERED if each["kind"] != kind]
    installation = Installation("istio", "two", _steps(two, authority, rendered))
    applied = installation.manifests("cluster1")
    assert all(applied.count(each) == 1 for each in rendered)


def test_istiod_comes_first_and_gateways_once_it_injects(
    two: Topology, authority: ca.Authority
) -> None:
    taken: list[str] = []
    in_order(_steps(two, authority), lambda step: taken.append(step.name))

    def place(name: str) -> int:
        return taken.index(f"{name} cluster1")

    assert place("namespaces") < place("settings") < place("istiod") < place("definitions")
    assert place("definitions") < place("exposure") < place("webhooks") < place("injection")
    assert place("injection") < place("workloads") < place("gateway istio-eastwestgateway")
    assert taken.index("remote secret cluster2") < place("remote clusters")


def test_definitions_are_applied_while_istiod_starts(
    two: Topology, authority: ca.Authority
) -> None:
    steps = {step.name: step for step in _steps(two, authority)}
    assert "istiod ready cluster1" not in steps["definitions cluster1"].after
    assert steps["remote secret cluster1"].after == ("istiod cluster1", "namespaces cluster2")


def test_unlinked_clusters_are_not_told_of_each_other(
    two: Topology, authority: ca.Authority
) -> None:
    unlinked = two.model_copy(update={"links": "none"})
    assert not [s for s in _steps(unlinked, authority) if s.name.startswith("remote")]


def test_keys_are_in_no_words(two: Topology, authority: ca.Authority) -> None:
    installation = Installation("istio", "two", _steps(two, authority))
    first = installation.steps[0].action
    assert isinstance(first, Apply)
    assert any("PRIVATE KEY" in str(each) for each in first.manifests)
    told = f"{installation} {installation!r} {installation.steps!r} {installation.dump()}"
    assert "PRIVATE KEY" not in told
    assert "istio-system/cacerts" in installation.dump()["secrets"]["cluster1"]
