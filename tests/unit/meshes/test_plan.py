from harness.meshes.istio.plan import plan_install, unsupported
from harness.model import ClusterSpec, NetworkSpec, Role, Topology


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
    assert plan.cluster("cluster2").reads == ("cluster1", "cluster3")


def test_gateways_exist_only_between_networks() -> None:
    one = plan_install(_topology(1, _primary(1, 1), _primary(2, 1)))
    two = plan_install(_topology(2, _primary(1, 1), _primary(2, 2)))
    assert not any(install.gateway for install in one.clusters)
    assert all(install.gateway for install in two.clusters)


def test_a_single_cluster_reads_nobody_and_needs_no_gateway() -> None:
    (alone,) = plan_install(_topology(1, _primary(1, 1))).clusters
    assert (alone.reads, alone.gateway, alone.primary) == ((), False, "cluster1")


def test_a_remote_is_planned_and_named_as_unsupported() -> None:
    remote = ClusterSpec(
        name="cluster2", network="network1", role=Role.REMOTE, primary=("cluster1",)
    )
    topology = _topology(1, _primary(1, 1), remote)
    plan = plan_install(topology)
    assert plan.cluster("cluster2").reads == ()
    assert plan.cluster("cluster2").primary == "cluster1"
    (problem,) = unsupported(topology)
    assert "'cluster2' is remote" in problem
