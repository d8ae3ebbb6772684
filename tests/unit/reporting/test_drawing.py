from harness.model import ClusterSpec, NetworkSpec, Topology
from harness.reporting.page.drawing import Drawing, draw
from harness.reporting.record import ClusterRecord


def drawn(networks: list[str], **clusters: tuple[str, str]) -> Drawing:
    """Draw clusters given as NAME=(network, primary or "")."""
    specs = tuple(
        ClusterSpec(
            name=name,
            network=network,
            role="remote" if primary else "primary",
            primary=(primary,) if primary else (),
        )
        for name, (network, primary) in clusters.items()
    )
    topology = Topology(
        name="t",
        title="T",
        networks=tuple(NetworkSpec(name=name) for name in networks),
        clusters=specs,
    )
    return draw(topology, (ClusterRecord(name="a", network="n1", kubernetes="v1.34.4"),))


def test_clusters_lie_inside_their_network_and_networks_beside_each_other() -> None:
    drawing = drawn(["n1", "n2"], a=("n1", ""), b=("n1", "a"), c=("n2", ""))
    one, two = drawing.networks
    assert one.x + one.width < two.x
    assert two.x + two.width <= drawing.width
    for network in drawing.networks:
        for cluster in network.clusters:
            assert network.x < cluster.x
            assert cluster.x + cluster.width < network.x + network.width
            assert cluster.y + cluster.height < network.y + network.height
    assert [len(network.clusters) for network in drawing.networks] == [2, 1]


def test_gateways_are_drawn_between_networks_only() -> None:
    assert drawn(["n1"], a=("n1", ""), b=("n1", "")).gates == ()
    assert len(drawn(["n1", "n2"], a=("n1", ""), b=("n2", "")).gates) == 2


def test_a_network_without_clusters_is_drawn() -> None:
    drawing = drawn(["n1", "machines"], a=("n1", ""))
    assert [network.name for network in drawing.networks] == ["n1", "machines"]
    assert len(drawing.gates) == 1


def test_a_remote_points_at_its_primary() -> None:
    drawing = drawn(["n1"], a=("n1", ""), b=("n1", "a"))
    (link,) = drawing.links
    a, b = drawing.networks[0].clusters
    assert (link.x1, link.x2) == (b.x, a.x + a.width)
    assert b.control == "configured by a"


def test_the_running_version_is_written_in() -> None:
    (cluster,) = drawn(["n1"], a=("n1", "")).networks[0].clusters
    assert cluster.lines[0] == "Kubernetes v1.34.4 · 1 node"
