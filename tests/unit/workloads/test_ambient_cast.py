"""The cast of ambient meshes, as it is applied."""

from typing import Any

import pytest

from harness.workloads import ambient


class PaperSite:
    """A cluster that only writes down what it is given."""

    name = network = "cluster1"
    mesh = "mesh1"

    def __init__(self) -> None:
        self.applied: list[Any] = []
        self.deployed: list[Any] = []
        self.ready: list[str] = []

    def apply(self, *manifests: Any) -> None:
        self.applied += manifests

    def deploy(self, *echoes: Any) -> None:
        self.deployed += echoes

    def rolled_out(self, name: str, namespace: str) -> None:
        assert namespace == ambient.SPACE
        self.ready.append(name)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> PaperSite:
    monkeypatch.setattr(ambient, "configuring", lambda sites: list(sites))
    monkeypatch.setattr(ambient, "version_of", lambda site, sites: "v1")
    paper: Any = PaperSite()
    ambient.stand([paper])
    return paper  # type: ignore[no-any-return]


def labels_of(site: PaperSite, kind: str) -> dict[str, dict[str, str]]:
    return {
        each["metadata"]["name"]: each["metadata"]["labels"]
        for each in site.applied
        if each["kind"] == kind
    }


def test_pods_are_in_the_mesh_without_sidecars(site: PaperSite) -> None:
    (labels,) = labels_of(site, "Namespace").values()
    assert labels == {"istio-injection": "disabled", "istio.io/dataplane-mode": "ambient"}
    assert [(each.name, each.injected) for each in site.deployed] == [
        ("echo", False),
        ("caller", False),
    ]
    assert site.ready == ["echo", "caller", "waypoint"]


def test_services_are_global_by_their_label_alone(site: PaperSite) -> None:
    labels = labels_of(site, "Service")
    shared = {name for name, each in labels.items() if each.get("istio.io/global") == "true"}
    assert (set(labels), shared) == ({"shared", "kept", "guided"}, {"shared", "guided"})
    assert [name for name, each in labels.items() if "istio.io/use-waypoint" in each] == ["guided"]


def test_the_waypoint_has_a_rule_of_its_service(site: PaperSite) -> None:
    (waypoint,) = labels_of(site, "Gateway")
    (rule,) = (each for each in site.applied if each["kind"] == "DestinationRule")
    assert labels_of(site, "Service")["guided"]["istio.io/use-waypoint"] == waypoint
    assert rule["spec"]["host"] == ambient.GUIDED.fqdn
    assert "outlierDetection" in rule["spec"]["trafficPolicy"]
