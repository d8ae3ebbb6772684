"""What a conforming mesh must do, as declared in ``suites/requirements.yaml``, and where."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from harness.model import structure
from harness.model.conditions import MEANING, Condition, conditions
from harness.model.needs import NEEDS
from harness.model.structure import PairKind, Relation
from harness.model.topology import ClusterSpec, MachineSpec, Role, Topology


class Level(StrEnum):
    """How binding a requirement is: core gates every run, extended when asked for, seed never."""

    CORE = "core"
    EXTENDED = "extended"
    SEED = "seed"


class Clusters(StrEnum):
    """Which clusters a requirement is asked of, where its check is repeated for each."""

    MEMBER = "member"
    GATEWAY = "gateway"
    PRIMARY = "primary"
    REMOTE = "remote"
    #: A remote that a control plane reads by a remote secret, not as where its configuration is.
    ATTACHED = "attached"

    def holds(self, topology: Topology, cluster: ClusterSpec) -> bool:
        """Say whether ``cluster`` is one of these."""
        return {
            Clusters.MEMBER: cluster.role is not Role.EXTERNAL,
            Clusters.GATEWAY: any(
                "services" in each.exposes for each in structure.gateways_of(topology, cluster.name)
            ),
            Clusters.PRIMARY: cluster.role is Role.PRIMARY,
            Clusters.REMOTE: cluster.role is Role.REMOTE,
            Clusters.ATTACHED: any(
                cluster.name in plane.reads and cluster.name in plane.serves
                for plane in structure.control_planes(topology)
            ),
        }[self]


class Networks(StrEnum):
    """Which networks a requirement is asked of, where its check is repeated for each."""

    ANY = "any"
    GATEWAY = "gateway"

    def holds(self, topology: Topology, network: str) -> bool:
        """Say whether the network called so is one of these."""
        ways_in = {each.network for each in structure.gateways(topology)}
        return self is Networks.ANY or network in ways_in


class Machines(StrEnum):
    """Which machines a requirement is asked of."""

    ANY = "any"
    CLUSTER_NETWORK = "cluster-network"
    OWN_NETWORK = "own-network"

    def holds(self, topology: Topology, machine: MachineSpec) -> bool:
        """Say whether ``machine`` is one of these."""
        near = machine.network == topology.cluster(machine.cluster).network
        return self is Machines.ANY or near == (self is Machines.CLUSTER_NETWORK)


class Planes(StrEnum):
    """Which control planes a requirement is asked of, where its check is repeated for each."""

    ANY = "any"
    EXTERNAL = "external"
    SERVES_OTHERS = "serves-others"

    def holds(self, plane: structure.ControlPlane) -> bool:
        """Say whether ``plane`` is one of these."""
        return {
            Planes.ANY: True,
            Planes.EXTERNAL: plane.external,
            Planes.SERVES_OTHERS: bool({*plane.serves} - {plane.cluster}),
        }[self]


def _listed(value: object) -> object:
    return (value,) if isinstance(value, str) else value


#: One condition, or several of which one is enough.
AnyOf = Annotated[tuple[Condition, ...], BeforeValidator(_listed)]


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SabotageSpec(_Declared):
    """A fault under which the requirement's check must turn red.

    It breaks something between ``pairs`` of this kind only, and where one of the conditions in
    ``when`` holds, if it names any of the two.
    """

    name: str
    change: str
    pairs: PairKind | None = None
    when: AnyOf = ()

    def possible(self, topology: Topology) -> bool:
        """Say whether a topology is one on which it breaks anything, whatever the pair."""
        return not self.when or not conditions(topology).isdisjoint(self.when)


class TopologyEntry(_Declared):
    """A topology of the documentation; its key is the ``--topology`` name."""

    title: str
    code: str
    clusters: int
    networks: int
    control_planes: int
    meshes: int
    status: Level


class Requirement(_Declared):
    """One sentence a mesh can satisfy or break. Its ``id`` is never reused.

    It is judged on every topology on which all of ``when`` hold (each one condition, or a list of
    which one is enough) and none of ``unless``, and that has a subject for it: a pair of clusters
    of all ``pairs`` kinds, or a machine of ``machines``, if it names any of the two, or, beside
    machines, a cluster of ``clusters``. These, ``networks`` and ``control_planes`` say which of
    them a check is repeated for.
    ``precondition_for``: verdicts about pairs of this kind rest on it.
    """

    id: str = Field(pattern=r"^[A-Z]{2}-\d{2}$")
    area: str
    level: Level
    title: str
    must: str
    check: str
    when: tuple[AnyOf, ...] = ()
    unless: tuple[Condition, ...] = ()
    pairs: Annotated[tuple[PairKind, ...], BeforeValidator(_listed)] = ()
    machines: Machines | None = None
    clusters: Clusters = Clusters.MEMBER
    networks: Networks = Networks.ANY
    control_planes: Planes = Planes.ANY
    precondition_for: PairKind | None = None
    sources: tuple[dict[str, str], ...] = ()
    sabotage: tuple[SabotageSpec, ...] = ()
    why_none: str = ""
    needs: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()

    @field_validator("needs")
    @classmethod
    def _known(cls, needs: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(needs) - set(NEEDS)):
            raise ValueError(f"no such need: {', '.join(unknown)}; there are: {', '.join(NEEDS)}")
        return needs

    def names(self, condition: Condition) -> bool:
        """Say whether it is judged only where ``condition`` holds, or one beside it."""
        return any(condition in wanted for wanted in self.when)

    def about(self, relation: Relation) -> bool:
        """Say whether it is about pairs of this ``relation``: of linked ones, if it names none."""
        return all(kind.holds(relation) for kind in self.pairs or (PairKind.LINKED,))

    def excluded(self, topology: Topology) -> str:
        """Say why it is not judged on ``topology``; empty if it is."""
        return next(self._excluded(topology), "")

    def applies(self, topology: Topology) -> bool:
        """Say whether it is judged on ``topology``."""
        return not self.excluded(topology)

    def _excluded(self, topology: Topology) -> Iterator[str]:
        found = conditions(topology)
        for wanted in self.when:
            if not found & {*wanted}:
                yield f"judged only where {' or '.join(MEANING[each] for each in wanted)}"
        for unwanted in self.unless:
            if unwanted in found:
                yield f"not judged where {MEANING[unwanted]}"
        if (self.pairs or self.machines) and not self._has_subject(topology):
            yield f"topology {topology.name} has no {self._subject()}"

    def _has_subject(self, topology: Topology) -> bool:
        pairs = self.pairs and any(
            self.about(relation) for _, _, relation in structure.relations(topology)
        )
        machines = self.machines and any(
            self.machines.holds(topology, each) for each in topology.machines
        )
        clusters = self._beside_machines and any(
            self.clusters.holds(topology, each) for each in topology.clusters
        )
        return bool(pairs or machines or clusters)

    @property
    def _beside_machines(self) -> bool:
        return self.machines is not None and self.clusters is not Clusters.MEMBER

    def _subject(self) -> str:
        pairs = f"pair of clusters: {', '.join(self.pairs)}" if self.pairs else ""
        clusters = f"cluster: {self.clusters}" if self._beside_machines else ""
        machines = f"machine: {self.machines}" if self.machines else ""
        return " and no ".join(filter(None, (pairs, clusters, machines)))


class Catalogue(_Declared):
    """Every requirement, in the order in which the report lists them."""

    version: int
    topologies: dict[str, TopologyEntry]
    requirements: tuple[Requirement, ...]

    @cached_property
    def _by_id(self) -> Mapping[str, Requirement]:
        return {each.id: each for each in self.requirements}

    def get(self, requirement_id: str) -> Requirement | None:
        """Return the requirement with this id, if there is one."""
        return self._by_id.get(requirement_id)

    @property
    def preconditions(self) -> Mapping[str, PairKind]:
        """What verdicts rest on: the kind of pairs that each of these is a precondition for."""
        named = {each.id: each.precondition_for for each in self.requirements}
        return {identifier: kind for identifier, kind in named.items() if kind is not None}

    def rests_on(self, requirement: Requirement) -> tuple[str, ...]:
        """Return the preconditions of a requirement: those for a kind of pairs that it is about."""
        known = self.preconditions
        if requirement.id in known:
            return ()
        return tuple(name for name, kind in known.items() if kind in requirement.pairs)
