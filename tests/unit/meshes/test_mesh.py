import pytest

from harness.meshes import BUILT_IN
from harness.meshes.contract import SMALLEST
from harness.meshes.istio import IstioMesh
from harness.meshes.none import NoMesh
from harness.model import ConfigError, Topology, plan_networks
from harness.model.topology import DataPlane


def test_what_cannot_be_installed_is_refused_before_anything_is_started(
    istio: IstioMesh, two: Topology
) -> None:
    ambient = two.model_copy(update={"data_plane": DataPlane.AMBIENT})
    with pytest.raises(ConfigError, match="is in no registry, since it is no release"):
        istio.prepare(ambient, plan_networks(ambient))


def test_an_installation_says_what_it_is_made_of(istio: IstioMesh, two: Topology) -> None:
    installation = istio.prepare(two, plan_networks(two))
    assert installation.networks == {"cluster1": "network1", "cluster2": "network2"}
    assert installation.clusters == ("cluster1", "cluster2")
    assert set(installation.versions.values()) == {istio.version}
    assert installation.shapes == istio.shapes(two)
    assert "gateway istio-system/istio-eastwestgateway of cluster2: port 15443" in str(installation)


def test_one_object_plans_several_labs_at_once(istio: IstioMesh, two: Topology) -> None:
    one = istio.prepare(two, plan_networks(two))
    other = istio.prepare(SMALLEST, plan_networks(SMALLEST))
    assert (one.topology, other.topology) == ("two", "smallest")
    assert one.manifests("cluster1") != other.manifests("cluster1")
    assert one.clusters == ("cluster1", "cluster2")


def test_a_version_that_is_not_there_is_refused(istio: IstioMesh, two: Topology) -> None:
    with pytest.raises(ConfigError, match=r"1\.2\.3.*1\.32-alpha"):
        IstioMesh("1.2.3").prepare(two, plan_networks(two))


def test_what_cannot_be_installed_is_told_before_anything_is_made(two: Topology) -> None:
    told = IstioMesh("1.2-alpha").refuses(two.model_copy(update={"data_plane": DataPlane.AMBIENT}))
    assert "1.2-alpha" in told[0]
    assert any("data plane ambient" in each for each in told)
    assert IstioMesh().refuses(two) == []


def test_the_version_is_known_before_anything_is_made(istio: IstioMesh) -> None:
    assert istio.version == "1.32-alpha.eed52ebb"
    assert istio.programs()[0].sha256 == "5ea1"


def test_no_mesh_has_no_version() -> None:
    with pytest.raises(ConfigError):
        NoMesh("1.0")


def test_every_built_in_answers_to_its_own_name() -> None:
    assert {name: built_in.make("").name for name, built_in in BUILT_IN.items()} == {
        name: name for name in BUILT_IN
    }
