"""What a second revision of a control plane is made of."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.files import load_topology
from harness.meshes.base import AddsRevisions, offers
from harness.meshes.istio import IstioMesh
from harness.meshes.istio.plan import Part, plan_install
from harness.meshes.istio.revisions import absent, beside
from harness.meshes.none import NoMesh
from harness.model import Topology

if TYPE_CHECKING:
    from harness.kube import Kube


ROOT = Path(__file__).parents[3] / "topologies"


class Standing:
    """An API server with these objects."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def find(self, kind: str, name: str, namespace: str | None = None) -> Any:
        del namespace
        return {} if f"{kind}/{name}" in self._names else None


def manifest(kind: str, name: str) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": name}}


def test_a_revision_is_the_same_control_plane_under_another_name(two: Topology) -> None:
    standing = plan_install(two).cluster("cluster1")
    added = beside(standing, "next")
    assert added.shape.istiod == "istiod-next"
    assert added.shape.revision == "next"
    assert added.plane == replace(standing.plane, name="next", revision="next")
    assert not added.gateways
    assert not added.exposures


def test_what_stands_already_is_shared_and_definitions_are_too() -> None:
    kube = cast("Kube", Standing("ClusterRole/reader"))
    rendered = [
        manifest("ClusterRole", "reader"),
        manifest("Deployment", "istiod-next"),
        manifest("CustomResourceDefinition", "gateways"),
    ]
    assert absent(kube, rendered) == [rendered[1]]


def test_only_a_mesh_that_can_add_revisions_is_asked_to(two: Topology) -> None:
    assert isinstance(IstioMesh(), AddsRevisions)
    assert "multi-revision" in offers(IstioMesh(), two)
    assert "multi-revision" not in offers(NoMesh(), two)


def test_of_a_remote_it_makes_a_primary() -> None:
    shipped = load_topology(ROOT / "primary-remote.yaml")
    added = beside(plan_install(shipped).cluster("cluster2"), "own")
    assert added.part is Part.PRIMARY
    assert (added.plane.cluster, added.plane.config_cluster) == ("cluster2", "cluster2")
    assert added.plane.serves == ("cluster2",)
    assert not added.ways
