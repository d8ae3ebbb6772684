"""All that the kind provider needs of engines and images, by name; what is behind it is an extra.

An :class:`Engine` is where containers run: the user's own, or one that is started here without an
uplink. :class:`Images` are what its containers run: from a registry, or made here.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from harness.artifacts import supply
from harness.model.images import ImageTable
from harness.phases import Phases, to_stderr
from harness.providers.offline import engine, images
from harness.providers.offline.engine import Engine
from harness.providers.offline.engine.connection import socket_path
from harness.providers.offline.engine.discover import engine_at
from harness.providers.offline.engine.engine_dir import EngineDir
from harness.providers.offline.engine.sysctls import Ledger
from harness.providers.offline.images import Images, asked

__all__ = [
    "Engine",
    "Images",
    "answers",
    "asked",
    "ensure_images",
    "find_engine",
    "has_ended",
    "lacks",
    "lend_settings",
    "settle_settings",
]


def find_engine() -> Engine | None:
    """Return the engine that labs are raised on, ``None`` if none answers."""
    return engine.find()


def answers(known: Engine) -> bool:
    """Say whether an engine of which was known still answers."""
    return engine_at(known.url) is not None


def has_ended(known: Engine) -> bool:
    """Say whether an engine is gone with all that was on it; only one of our own is known to be."""
    own = EngineDir(Path(socket_path(known.url)).parent)
    return known.pid is not None and own.first() != known.pid


def lacks() -> Sequence[str]:
    """Say what this machine lacks for an engine and its images, each with its remedy."""
    found = find_engine()
    return [*engine.lacks(), *(images.lacks(found) if found else [])]


def ensure_images(
    where: Engine,
    phases: Phases,
    *,
    mesh: ImageTable,
    versions: Mapping[str, str] = supply.DEFAULT,
) -> Images:
    """Return the images of nodes and pods, made or pulled first if need be.

    ``mesh`` is what pods will name, ``versions`` asks for components in other versions.
    """
    return images.ensure(where, phases, mesh=mesh, versions=versions)


def lend_settings(where: Engine, borrower: int) -> None:
    """Have the machine's settings put back that nodes overwrite, once ``borrower`` has ended.

    An engine of our own sees to that itself, one elsewhere overwrites nothing here, and who is not
    root changes nothing.
    """
    if where.pid is None and socket_path(where.url) and os.geteuid() == 0:
        with suppress(OSError):
            for line in Ledger().lend(borrower):
                to_stderr(line)


def settle_settings() -> None:
    """Put back what no borrower needs any more."""
    with suppress(OSError):  # another account's loan is not ours to settle
        Ledger().settle()
