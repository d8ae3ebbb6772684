"""What a kind lab consists of: plain data, worked out before anything starts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from harness import files
from harness.model import NetworkPlan
from harness.providers.fabric.state import State
from harness.providers.kind.contents import Contents
from harness.providers.kind.naming import Names
from harness.providers.offline.api import Engine


class KindSpec(BaseModel):
    """A lab on an engine. ``helper`` is the image of containers that are no nodes.

    ``containers`` and ``transit`` tell of each node its container and its address between
    networks, ``guarded`` whether the way out is closed by rules of ours. ``engine_pid`` is
    that of our own engine. ``contents`` is what machines may have, by the names of images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    lab: str
    engine_url: str
    engine_pid: int | None
    engine_version: str
    engine_api: str
    plan: NetworkPlan
    containers: Mapping[str, str]
    transit: Mapping[str, str]
    transit_range: str = ""
    helper: str = ""
    guarded: bool = False
    contents: Mapping[str, Contents] = {}

    @classmethod
    def read(cls, place: State) -> Self:
        """Read what was noted when the lab was begun."""
        return cls.model_validate_json(place.spec.read_bytes())

    def write(self, place: State) -> None:
        """Note it, for the guardian and for everyone who borrows the lab."""
        files.publish(place.spec, self.model_dump_json(indent=1))

    @property
    def engine(self) -> Engine:
        """The engine that the lab is on."""
        return Engine(
            url=self.engine_url,
            pid=self.engine_pid,
            version=self.engine_version,
            api=self.engine_api,
        )

    @property
    def names(self) -> Names:
        """What its parts are called."""
        return Names(self.lab)


class Tenant(BaseModel):
    """What the guardian must know of a cluster once that answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    kubeconfig: Path
    dns_image: str

    @classmethod
    def path(cls, place: State, cluster: str) -> Path:
        """Return where it is noted."""
        return place.path / f"tenant-{cluster}.json"

    @classmethod
    def read(cls, place: State, cluster: str) -> Self:
        """Read what was noted."""
        return cls.model_validate_json(cls.path(place, cluster).read_bytes())

    def write(self, place: State, cluster: str) -> None:
        """Note it; whoever sees the file sees all of it."""
        files.publish(self.path(place, cluster), self.model_dump_json())
