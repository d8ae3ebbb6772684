"""Where a requirement is judged follows from structure, and agrees with what it was written for."""

from collections.abc import Mapping
from itertools import permutations
from pathlib import Path

import pytest

from harness.files import load_catalogue, load_topology, read, topology_files
from harness.model import Topology, structure
from harness.model.conditions import MEANING, Condition, conditions
from harness.model.requirement import Requirement
from harness.model.structure import PairKind

ROOT = Path(__file__).parents[3]
CATALOGUE = load_catalogue(ROOT / "suites/requirements.yaml")
GUIDED = {path.stem: load_topology(path) for path in topology_files(ROOT / "topologies")}
ALL = [load_topology(path) for path in topology_files(ROOT / "topologies", field=True)]
REFERENCE: Mapping[str, frozenset[str]] = {
    requirement: frozenset(group["topologies"])
    for group in read(Path(__file__).with_name("reference_topologies.yaml")).data
    for requirement in group["requirements"]
}
every_topology = pytest.mark.parametrize("topology", ALL, ids=lambda topology: topology.name)


def judged(topology: str) -> frozenset[str]:
    return frozenset(each.id for each in CATALOGUE.requirements if each.applies(GUIDED[topology]))


def written_for(topology: str) -> frozenset[str]:
    return frozenset(name for name, listed in REFERENCE.items() if topology in listed)


def beyond() -> dict[str, frozenset[str]]:
    """Return what a topology is judged by beyond what was written for it; each has a reason."""
    listed = read(Path(__file__).with_name("beyond_reference.yaml")).data
    assert all(entry["why"] for entry in listed.values())
    return {
        topology: judged(entry["as"]) if "as" in entry else frozenset(entry["requirements"])
        for topology, entry in listed.items()
    }


BEYOND = beyond()
#: What no topology of the guides is judged by although it was written for some, and why.
ELSEWHERE: Mapping[str, str] = {
    "GW-11": "a gateway of the Gateway API is there where one declares it: field/gateway-api",
    "ID-05": "a root of istiod's own making is there where one declares it: field/self-signed",
    "OP-05": "a mixture of versions is there where a topology declares one: field/version-skew",
    "VM-14": "no guide registers a gateway for a network of machines alone; one is there where a"
    " cluster's own network has the machine: field/machine-beside-clusters",
}


@pytest.mark.parametrize("topology", GUIDED)
def test_a_topology_is_judged_by_what_was_written_for_it_and_what_a_reason_adds(
    topology: str,
) -> None:
    expected = written_for(topology) | BEYOND.get(topology, frozenset())
    assert judged(topology) == expected - set(ELSEWHERE)


def test_every_deviation_is_one() -> None:
    spared = "multi-primary-overlapping-addresses"
    assert BEYOND[spared] - written_for(spared)
    for topology in set(BEYOND) - {spared}:
        assert not BEYOND[topology] & written_for(topology), topology


def test_the_reference_speaks_of_every_requirement_and_topology() -> None:
    assert set(REFERENCE) == {each.id for each in CATALOGUE.requirements}
    assert {name for listed in REFERENCE.values() for name in listed} == set(GUIDED)


def test_every_condition_has_a_meaning_holds_somewhere_and_does_not_hold_elsewhere() -> None:
    assert set(MEANING) == set(Condition)
    for condition in Condition:
        held = [condition in conditions(topology) for topology in ALL]
        assert any(held), condition
        assert not all(held), condition


def test_every_requirement_is_judged_somewhere() -> None:
    for requirement in CATALOGUE.requirements:
        assert any(requirement.applies(topology) for topology in ALL), requirement.id


@every_topology
def test_why_a_requirement_is_not_judged_is_a_sentence(topology: Topology) -> None:
    for requirement in CATALOGUE.requirements:
        reason = requirement.excluded(topology)
        assert bool(reason) != requirement.applies(topology)
        assert not reason or reason.startswith(("judged only where ", "not judged where ", "topol"))


def asked(requirement: Requirement, topology: Topology) -> list[tuple[str, str]]:
    found = structure.relations(topology)
    return [(source, target) for source, target, each in found if requirement.about(each)]


@every_topology
def test_what_is_about_pairs_and_judged_has_a_pair_or_a_machine(topology: Topology) -> None:
    for requirement in CATALOGUE.requirements:
        if requirement.pairs and requirement.applies(topology):
            assert asked(requirement, topology) or topology.machines, requirement.id


# ---- how members relate -----------------------------------------------------------------------


@every_topology
def test_relations_are_symmetric_where_they_must_be(topology: Topology) -> None:
    names = [member.name for member in structure.members(topology)]
    for source, target in permutations(names, 2):
        there = structure.relation(topology, source, target)
        back = structure.relation(topology, target, source)
        assert there.same_network == back.same_network
        assert there.routable == back.routable
        assert there.same_control_plane == back.same_control_plane
        assert there.same_mesh == back.same_mesh


@every_topology
def test_a_relation_contradicts_neither_itself_nor_the_declaration(topology: Topology) -> None:
    for source, target, relation in structure.relations(topology):
        one, other = topology.cluster(source), topology.cluster(target)
        assert relation.same_network == (one.network == other.network)
        assert relation.routable or not relation.same_network
        assert not (relation.federated and relation.same_mesh)
        if relation.same_control_plane:
            assert relation.same_mesh


@every_topology
def test_a_pair_is_of_exactly_one_of_two_opposite_kinds(topology: Topology) -> None:
    for _, _, relation in structure.relations(topology):
        kinds = {kind for kind in PairKind if kind.holds(relation)}
        linked = {PairKind.LINKED} & kinds
        opposites = (PairKind.LINKED, PairKind.UNLINKED, PairKind.OTHER_MESH)
        assert len(kinds & {*opposites}) == 1
        for one, other in (
            (PairKind.SAME_NETWORK, PairKind.OTHER_NETWORK),
            (PairKind.SAME_CONTROL_PLANE, PairKind.OTHER_CONTROL_PLANE),
        ):
            assert len(kinds & {one, other}) == len(linked)
        apart = PairKind.OTHER_NETWORK in kinds
        assert len(kinds & {PairKind.ISOLATED, PairKind.ROUTED}) == int(apart)
        assert PairKind.FEDERATED not in kinds or PairKind.OTHER_MESH in kinds


@every_topology
def test_every_member_is_served_and_every_control_plane_serves(topology: Topology) -> None:
    for cluster in topology.members:
        assert structure.control_planes_of(topology, cluster.name)
    for plane in structure.control_planes(topology):
        assert plane.serves
        assert plane.config_cluster in plane.serves
        assert plane.config_cluster not in plane.reads


@every_topology
def test_a_member_is_related_to_itself_by_everything(topology: Topology) -> None:
    for member in structure.members(topology):
        relation = structure.relation(topology, member.name, member.name)
        assert relation.same_network
        assert relation.routable
        assert relation.same_control_plane
        assert relation.same_mesh
        assert not relation.federated
