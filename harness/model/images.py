"""What is behind the name of an image: what a mesh says of its own, and a provider of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Programs:
    """An image that is put together from programs.

    ``argv`` is its entry point. ``files`` maps paths in it to programs by their names of
    ``harness.artifacts``, ``versions`` says of which version their components are where it is not
    the default; ``trees`` maps paths to directories of Python sources. ``writable`` directories
    belong to ``user``, as whom it is run. ``bare``: nothing of an operating system is in it.
    ``published`` is what a registry calls the same, if one has it.
    """

    argv: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    trees: Mapping[str, Path] = field(default_factory=dict)
    writable: tuple[str, ...] = ()
    user: int = 0
    bare: bool = False
    published: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """An image in a file, as ``docker save`` writes it."""

    path: Path


@dataclass(frozen=True, slots=True)
class Reference:
    """An image that a registry has."""

    name: str


ImageSource = Programs | Archive | Reference
#: What is behind the images that pods name, by full name.
ImageTable = Mapping[str, ImageSource]


def plain(name: str) -> str:
    """Return an image's name as it is looked up: without digest, and without the usual registry."""
    return name.split("@", 1)[0].removeprefix("docker.io/").removeprefix("library/")
