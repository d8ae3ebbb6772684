"""What a conforming mesh must do, as declared in ``suites/requirements.yaml``."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Level(StrEnum):
    """How binding a requirement is: core gates every run, extended when asked for, seed never."""

    CORE = "core"
    EXTENDED = "extended"
    SEED = "seed"


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SabotageSpec(_Declared):
    """A fault under which the requirement's check must turn red.

    ``needs`` is what a topology must offer for it to break anything (empty: nothing special).
    """

    name: str
    change: str
    needs: str = ""


class TopologyEntry(_Declared):
    """A topology that requirements can be judged on; its key is the ``--topology`` name."""

    title: str
    code: str
    clusters: int
    networks: int
    control_planes: int
    meshes: int
    status: Level


class Requirement(_Declared):
    """One sentence a mesh can satisfy or break. Its ``id`` is never reused."""

    id: str = Field(pattern=r"^[A-Z]{2}-\d{2}$")
    area: str
    level: Level
    title: str
    must: str
    check: str
    topologies: tuple[str, ...]
    sources: tuple[dict[str, str], ...] = ()
    sabotage: tuple[SabotageSpec, ...] = ()
    why_none: str = ""
    needs: tuple[str, ...] = ()
    traps: tuple[str, ...] = ()


class Catalogue(_Declared):
    """Every requirement, in the order in which the report lists them."""

    version: int
    topologies: dict[str, TopologyEntry]
    requirements: tuple[Requirement, ...]

    def get(self, requirement_id: str) -> Requirement | None:
        """Return the requirement with this id, if there is one."""
        return next((r for r in self.requirements if r.id == requirement_id), None)
