"""Each topology that ships can be installed, or is refused for what it needs that is not there."""

from pathlib import Path

import pytest

from harness.files import load_topology, topology_files
from harness.meshes.istio import IstioMesh
from harness.model import Topology

ROOT = Path(__file__).parents[3] / "topologies"
SHIPPED = {
    path.stem: load_topology(path) for path in (*topology_files(ROOT), *(ROOT / "field").glob("*"))
}
#: What keeps each of the others from being installed; all of it is said.
REFUSED = {
    "ambient-multi-primary-multi-network": ["data plane ambient: ztunnel"],
}


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_topology_is_installable_or_refused_with_the_reason(name: str) -> None:
    told = IstioMesh().refuses(SHIPPED[name])
    assert bool(told) == (name in REFUSED), told
    for reason in REFUSED.get(name, ()):
        assert any(reason in each for each in told), f"{reason} is not in {told}"


def test_every_refusal_is_of_a_topology_that_ships() -> None:
    assert set(REFUSED) < set(SHIPPED)


def test_versions_that_nobody_has_are_told_with_those_that_there_are(two: Topology) -> None:
    plane = {"name": "p", "cluster": "cluster1", "version": "1.2.3"}
    skewed = Topology.model_validate({**two.model_dump(), "control_planes": [plane]})
    told = "\n".join(IstioMesh("0.9.9").refuses(skewed))
    for word in ("1.2.3", "0.9.9", "1.32-alpha.eed52ebb", "1.31-alpha.b01690e6"):
        assert word in told


def test_clusters_of_several_domains_are_not_judged(two: Topology) -> None:
    apart = {"links": "none", "control_planes": []}
    first, second = two.clusters
    clusters = (first, second.model_copy(update={"domain": "corp.example"}))
    told = IstioMesh().refuses(two.model_copy(update={**apart, "clusters": clusters}))
    assert told == [
        "domains cluster.local, corp.example: only clusters of one domain can be judged so far"
    ]


def test_istioctl_makes_a_default_of_a_revision_so_it_is_not_used_for_one() -> None:
    topology = SHIPPED["custom-root-and-revision"]
    assert any("has a revision" in each for each in IstioMesh(by_istioctl=True).refuses(topology))


@pytest.mark.parametrize(
    ("gateway", "told"),
    [
        ({"type": "ClusterIP"}, "has a Service of type ClusterIP: nobody would reach it"),
        (
            {"type": "NodePort", "exposes": ["services", "istiod"]},
            "exposes istiod at ports of nodes",
        ),
    ],
)
def test_gateways_that_lead_nowhere_are_refused(
    two: Topology, gateway: dict[str, object], told: str
) -> None:
    gateways = [{"cluster": "cluster1", **gateway}]
    changed = Topology.model_validate({**two.model_dump(), "gateways": gateways})
    assert any(told in each for each in IstioMesh().refuses(changed))


def test_a_machine_needs_an_address_of_the_gateway_at_which_it_finds_istiod() -> None:
    machines = SHIPPED["vm-multi-network"].model_dump()
    ways = [{"cluster": "cluster1", "exposes": ["istiod"], "address": "hostname"}]
    (told,) = IstioMesh().refuses(Topology.model_validate({**machines, "gateways": ways}))
    assert "finds istiod at a gateway with a name alone" in told
