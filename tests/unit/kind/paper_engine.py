"""An engine that exists only on paper: containers and networks by their labels; a lab on none."""

from dataclasses import dataclass, field
from typing import Any

from docker.errors import APIError, NotFound

from harness.model import NetworkPlan
from harness.providers.fabric import state
from harness.providers.fabric.state import State
from harness.providers.kind.spec import KindSpec


@dataclass
class Thing:
    """A container or a network of a paper engine."""

    home: "list[Thing]"
    name: str
    labels: dict[str, str]
    status: str = "running"
    refusals: int = 0

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Labels": self.labels}

    def remove(self, **_: Any) -> None:
        if self.status == "paused":
            raise APIError("paused")
        if self.refusals:
            self.refusals -= 1
            raise APIError("has active endpoints")
        self.home.remove(self)

    def unpause(self) -> None:
        self.status = "running"


@dataclass
class Things:
    """The containers, or the networks, of a paper engine."""

    there: list[Thing] = field(default_factory=list)
    trouble: str = ""

    def add(self, name: str, labels: dict[str, str], **more: Any) -> Thing:
        self.there.append(Thing(self.there, name, labels, **more))
        return self.there[-1]

    def get(self, name: str) -> Thing:
        for each in self.there:
            if each.name == name:
                return each
        raise NotFound(name)

    def list(self, *, filters: dict[str, str], **more: Any) -> "list[Thing]":
        key, _, value = filters["label"].partition("=")
        return [
            each for each in self.there if each.labels.get(key) and value in ("", each.labels[key])
        ]

    def create(self, name: str, **_: Any) -> None:
        raise APIError(self.trouble)


@dataclass
class Paper:
    """An engine on paper."""

    containers: Things = field(default_factory=Things)
    networks: Things = field(default_factory=Things)

    def close(self) -> None:
        """Nothing is open."""


def begun(plan: NetworkPlan, *, pid: int | None = None) -> State:
    """Return a lab that nobody holds, on an engine that does not answer."""
    place = state.new().make("kind")
    KindSpec(
        lab=place.id,
        engine_url=f"unix://{place.path}/none.sock",
        engine_pid=pid,
        engine_version="28.0",
        engine_api="1.41",
        plan=plan,
        containers={},
        transit={},
    ).write(place)
    (place.path / "supervisor").write_text("1 0\n")
    return place
