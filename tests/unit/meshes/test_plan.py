from harness.meshes.base import MeshShape
from harness.meshes.istio.plan import plan_install
from harness.model import ClusterSpec, NetworkSpec, Topology
from harness.model.topology import ControlPlaneSpec, GatewaySpec


def _topology(networks: int, *clusters: ClusterSpec) -> Topology:
    return Topology(
        name="t",
        title="t",
        networks=tuple(NetworkSpec(name=f"network{n + 1}", cidr=None) for n in range(networks)),
        clusters=clusters,
    )


def _primary(number: int, network: int) -> ClusterSpec:
    return ClusterSpec(name=f"cluster{number}", network=f"network{network}")


def test_every_istiod_reads_every_other_cluster() -> None:
    plan = plan_install(_topology(1, *(_primary(number, 1) for number in (1, 2, 3))))
    assert plan.cluster("cluster2").plane.reads == ("cluster1", "cluster3")


def test_gateways_exist_only_between_networks() -> None:
    one = plan_install(_topology(1, _primary(1, 1), _primary(2, 1)))
    two = plan_install(_topology(2, _primary(1, 1), _primary(2, 2)))
    assert not any(install.gateways for install in one.clusters)
    assert all(install.gateways for install in two.clusters)


def test_a_single_cluster_reads_nobody_and_has_the_names_of_upstream() -> None:
    (alone,) = plan_install(_topology(1, _primary(1, 1))).clusters
    assert (alone.plane.reads, alone.gateways, alone.plane.cluster) == ((), (), "cluster1")
    assert alone.shape == MeshShape()


def test_a_usual_gateway_has_the_names_of_upstream() -> None:
    first, _ = plan_install(_topology(2, _primary(1, 1), _primary(2, 2))).clusters
    assert first.shape == MeshShape()
    assert first.namespaces == ("istio-system",)


def test_names_follow_control_plane_and_gateway() -> None:
    topology = _topology(2, _primary(1, 1), _primary(2, 2))
    plane = ControlPlaneSpec(
        name="p", cluster="cluster1", revision="stable", root_namespace="istio-config"
    )
    gateway = GatewaySpec(
        cluster="cluster1", namespace="edge", name="cross", labels={"gateway": "x"}, port=35443
    )
    second = gateway.model_copy(update={"name": "other"})
    changed = topology.model_copy(
        update={"control_planes": (plane,), "gateways": (gateway, second)}
    )
    install = plan_install(changed).cluster("cluster1")
    shape = install.shape
    assert (shape.istiod, shape.config_map) == ("istiod-stable", "istio-stable")
    assert shape.istiod_pods == "app=istiod,istio.io/rev=stable"
    assert (shape.system, shape.root, shape.revision) == ("istio-system", "istio-config", "stable")
    assert (shape.gateway_namespace, shape.gateway) == ("edge", "cross")
    assert (shape.gateway_pods, shape.gateway_labels) == ("gateway=x", {"gateway": "x"})
    assert shape.gateway_port == 35443
    assert install.namespaces == ("istio-system", "istio-config", "edge")
    assert [each.name for each in install.exposures] == [
        "cross-network-gateway",
        "cross-network-gateway-other",
    ]


def test_each_control_plane_gets_the_version_that_it_asks_for() -> None:
    topology = _topology(1, _primary(1, 1), _primary(2, 1))
    older = ControlPlaneSpec(name="p", cluster="cluster1", version="1.1")
    plan = plan_install(
        topology.model_copy(update={"control_planes": (older,)}), lambda asked: asked or "1.2"
    )
    assert [each.version for each in plan.clusters] == ["1.1", "1.2"]
