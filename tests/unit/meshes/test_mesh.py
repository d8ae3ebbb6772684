import pytest

from harness.meshes import BUILT_IN
from harness.meshes.istio import IstioMesh
from harness.meshes.none import NoMesh
from harness.model import ClusterSpec, ConfigError, Role, Topology, plan_networks


def test_remotes_are_refused_before_anything_is_started(istio: IstioMesh, two: Topology) -> None:
    remote = ClusterSpec(
        name="cluster3", network="network1", role=Role.REMOTE, primary=("cluster1",)
    )
    three = two.model_copy(update={"clusters": (*two.clusters, remote)})
    with pytest.raises(ConfigError, match="only primaries can be installed so far"):
        istio.prepare(three, plan_networks(three))


def test_prepare_renders_every_cluster(istio: IstioMesh, two: Topology) -> None:
    istio.prepare(two, plan_networks(two))
    assert istio.plan_for("cluster2").network == "network2"


def test_a_version_that_is_not_there_is_refused(istio: IstioMesh, two: Topology) -> None:
    with pytest.raises(ConfigError, match=r"'1\.2\.3' is not available; there is '1\.32-alpha"):
        IstioMesh("1.2.3").prepare(two, plan_networks(two))


def test_what_cannot_be_installed_is_told_before_anything_is_made(two: Topology) -> None:
    remote = ClusterSpec(
        name="cluster3", network="network1", role=Role.REMOTE, primary=("cluster1",)
    )
    three = two.model_copy(update={"clusters": (*two.clusters, remote)})
    version, cluster = IstioMesh("1.2.3").refuses(three)
    assert "'1.2.3' is not available" in version
    assert "cluster 'cluster3' is remote" in cluster
    assert IstioMesh().refuses(two) == []


def test_the_version_is_that_of_the_program(istio: IstioMesh) -> None:
    assert istio.version == "1.32-alpha+x"
    assert istio.programs()[0].sha256 == "5ea1"


def test_no_mesh_has_no_version() -> None:
    with pytest.raises(ConfigError):
        NoMesh("1.0")


def test_every_built_in_answers_to_its_own_name() -> None:
    assert {name: built_in.make("").name for name, built_in in BUILT_IN.items()} == {
        name: name for name in BUILT_IN
    }
