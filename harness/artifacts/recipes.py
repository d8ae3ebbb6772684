"""How a component is made, as data; its digest tells one way of making it from another."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.artifacts.progress import Bench
from harness.model import ConfigError


class Recipe(Protocol):
    """A way to make programs. Its ``repr`` must say all that decides what comes out."""

    def make(self, bench: Bench) -> "Made":
        """Make every program below ``bench.place``; raises ``ToolError`` or ``MachineError``."""
        ...


@dataclass(frozen=True, slots=True)
class Made:
    """What a recipe has made: files by program, and in words where they come from."""

    files: Mapping[str, Path]
    source: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The recipe of a version that nobody knows how to make; ``known`` are those with one."""

    component: str
    version: str
    known: tuple[str, ...]

    @property
    def problem(self) -> str:
        """What to tell the person who asked for it."""
        return f"no {self.component} {self.version} is known; there is {', '.join(self.known)}"

    def make(self, bench: Bench) -> Made:
        """Refuse."""
        del bench
        raise ConfigError("versions", [self.problem])


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """Programs that are made together.

    ``seconds`` is what a build took on two cores without caches, ``megabytes`` the disk space
    it needed with all that was downloaded; ``note`` goes to the report beside each program.
    """

    name: str
    version: str
    programs: tuple[str, ...]
    recipe: Recipe
    seconds: float = 5
    megabytes: int = 300
    note: str = field(default="")

    @property
    def label(self) -> str:
        """Return name, version and the digest of the recipe: the key of the cache."""
        recipe = hashlib.sha256(f"{self.recipe!r} {self.note}".encode()).hexdigest()
        return f"{self.name}-{self.version}-{recipe[:12]}"
