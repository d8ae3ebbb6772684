"""An engine that exists only in memory: images by name, and a registry behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import docker


@dataclass
class Image:
    """What the SDK says of an image; ``tag`` gives it one more name."""

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    attrs: Mapping[str, object] = field(default_factory=dict)
    named: Callable[[str, "Image"], None] = lambda *_: None

    def tag(self, name: str) -> None:
        self.named(name, self)


@dataclass
class EngineDouble:
    """``published`` is what the registry has; ``asked`` are the questions it got."""

    there: dict[str, Image] = field(default_factory=dict)
    published: tuple[str, ...] = ()
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.images = self
        self.api = SimpleNamespace(timeout=120)

    def client(self) -> docker.DockerClient:
        return cast("docker.DockerClient", self)

    def close(self) -> None:
        """Nothing is open."""

    def list(self, name: str) -> "list[Image]":
        return [image for known, image in self.there.items() if known.split(":")[0] == name]

    def get(self, name: str) -> Image:
        if name not in self.there:
            raise docker.errors.ImageNotFound(f"no such image: {name}")
        return self.there[name]

    def get_registry_data(self, name: str) -> None:
        self._question(name)

    def pull(self, name: str) -> None:
        self._question(name)
        digest = f"sha256:{name}"
        attrs = {"RepoDigests": [f"{name.rpartition(':')[0]}@{digest}"]}
        self.there[name] = Image(digest, {}, attrs, self.there.__setitem__)

    def _question(self, name: str) -> None:
        self.asked.append(name)
        self.timeouts.append(self.api.timeout)
        if self.failure:
            raise self.failure
        if name not in self.published:
            raise docker.errors.APIError("404", explanation=f"no such manifest: {name}")
