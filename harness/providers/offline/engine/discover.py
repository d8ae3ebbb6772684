"""Which engine to use: the one a user names, our own, or the machine's."""

import os
from collections.abc import Sequence
from pathlib import Path

from harness.providers.offline.engine import engine_dir
from harness.providers.offline.engine.connection import HOST_VARIABLE, Engine, ask


def find() -> Engine | None:
    """Return the first engine that answers, ``None`` if none does.

    An engine named by ``DOCKER_HOST`` is the only candidate: who names one means that one.
    """
    return next((engine for url in candidates() if (engine := engine_at(url))), None)


def candidates() -> Sequence[str]:
    """Return where engines are looked for, in order."""
    if chosen := os.environ.get(HOST_VARIABLE):
        return [chosen]
    own = engine_dir.own()
    ready = [own.url] if own.ready.exists() else []
    return [*ready, *(f"unix://{path}" for path in default_sockets())]


def default_sockets() -> Sequence[Path]:
    """Return where engines of a machine listen: Docker, rootless Docker, Docker Desktop."""
    personal = os.environ.get("XDG_RUNTIME_DIR")
    return [
        Path("/var/run/docker.sock"),
        *([Path(personal, "docker.sock")] if personal else []),
        Path.home() / ".docker/run/docker.sock",
        Path.home() / ".docker/desktop/docker.sock",
    ]


def engine_at(url: str) -> Engine | None:
    """Return the engine that answers at ``url``, ``None`` if none does."""
    answer = ask(url)
    if not answer.ok:
        return None
    own = engine_dir.own()
    return Engine(
        url=url,
        pid=own.first() if url == own.url else None,
        version=answer.version,
        api=answer.api,
    )
