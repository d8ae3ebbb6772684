"""Undoing a lab on an engine: from the process that raised it, another one, or its guardian."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from docker.errors import DockerException
from requests.exceptions import RequestException

from harness.model import MachineError
from harness.providers.fabric import state
from harness.providers.fabric.state import State
from harness.providers.kind import engine, guard
from harness.providers.kind.containers import leftovers, said, sweep
from harness.providers.kind.engine import Engine
from harness.providers.kind.engine.finding import engine_at
from harness.providers.kind.naming import LAB_VARIABLE
from harness.providers.kind.spec import KindSpec

#: The provider's name, and that of its labs.
NAME = "kind"


def end_makers(lab: str) -> bool:
    """Kill whatever is still at work on making parts of the lab; say whether anything was."""
    found = list(makers(lab))
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return bool(found)


def makers(lab: str) -> Iterator[int]:
    """Return the processes that carry the lab's mark in their environment."""
    mark = f"{LAB_VARIABLE}={lab}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def clear(place: State) -> None:
    """Remove everything of the lab from its engine; an engine that is gone has nothing left."""
    disturbed = end_makers(place.id)
    try:
        spec = KindSpec.read(place)
    except (OSError, ValueError):
        return
    if engine_at(spec.engine_url) is None:
        return
    _clear(spec, disturbed=disturbed)


def _clear(spec: KindSpec, *, disturbed: bool) -> None:
    try:
        with closing(spec.engine.client()) as client:
            sweep(client, spec.lab, disturbed=disturbed)
            if spec.guarded:
                guard.reopen(client, spec.names, spec.helper)
    except (DockerException, RequestException) as error:
        raise MachineError(
            f"lab {spec.lab} cannot be removed from the engine: {said(error)}",
            "meshproof reap, once the engine answers",
        ) from error


def reap() -> list[str]:
    """Remove what is left of labs whose guardian is gone; return their ids."""
    dead = state.abandoned(NAME)
    for place in dead:
        clear(place)
        place.remove()
    found = {place.id for place in dead}
    if (answering := engine.find()) is not None:
        found |= _orphans(answering)
    return sorted(found)


def _orphans(found: Engine) -> set[str]:
    """Remove labs of this machine's user whose very files are gone."""
    with closing(found.client()) as client:
        orphans = leftovers(client, state.base())
        for lab in orphans:
            sweep(client, lab)
    return orphans
