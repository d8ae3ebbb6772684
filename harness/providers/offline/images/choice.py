"""Which way images are had: made here or from a registry. Decided in one place, and said."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.model import ConfigError

#: ``auto``, ``here`` or ``registry``; and the prefix of a mirror, such as ``mirror:5000/hub``.
SOURCE_VARIABLE, REGISTRY_VARIABLE = "MESHPROOF_IMAGES", "MESHPROOF_REGISTRY"


class Way(StrEnum):
    """How images are had."""

    HERE = "made here"
    REGISTRY = "registry"


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked for."""

    source: str = "auto"
    prefix: str = ""

    @property
    def registry(self) -> str:
        """The registry in words."""
        return self.prefix or "docker.io"


@dataclass(frozen=True, slots=True)
class Decision:
    """The way that is taken, and why."""

    way: Way
    why: str


SOURCES = ("auto", "here", "registry")


def asked(source: str = "", prefix: str = "", environment: Mapping[str, str] = os.environ) -> Asked:
    """Return what these options, or else the environment, ask for."""
    source = source or environment.get(SOURCE_VARIABLE, "") or "auto"
    if source not in SOURCES:
        raise ConfigError(SOURCE_VARIABLE, [f"{source}: one of {', '.join(SOURCES)} is wanted"])
    prefix = prefix or environment.get(REGISTRY_VARIABLE, "")
    return Asked(source, prefix.rstrip("/"))


def decide(
    asked: Asked, *, made: bool, pulled: bool, uplink: bool, trouble: Callable[[], str]
) -> Decision:
    """Decide. ``made``, ``pulled``: the node image of that way is there already.

    ``trouble`` asks the registry once, and says why it is of no use; it is called only where
    nothing is there, and only if an answer is possible at all.
    """
    if asked.source == "here":
        return Decision(Way.HERE, "asked for")
    if asked.source == "registry":
        return Decision(Way.REGISTRY, "asked for")
    if made or pulled:
        return Decision(Way.HERE if made else Way.REGISTRY, "is there")
    if not uplink and not asked.prefix:
        return Decision(Way.HERE, "this engine has no uplink")
    if why := trouble():
        return Decision(Way.HERE, f"{asked.registry} is of no use: {why}")
    return Decision(Way.REGISTRY, f"{asked.registry} answers")
