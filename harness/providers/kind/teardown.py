"""Undoing a lab on an engine: from the process that raised it, another one, or its guardian."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from harness import locks
from harness.model import MachineError
from harness.phases import to_stderr
from harness.providers.fabric import state
from harness.providers.fabric.state import State
from harness.providers.kind import egress
from harness.providers.kind.containers import leftovers, said, sweep
from harness.providers.kind.naming import LAB_VARIABLE, Names
from harness.providers.kind.spec import KindSpec
from harness.providers.offline import api as offline

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


def clear(place: State, *, disturbed: bool = False) -> None:
    """Remove everything of the lab from its engine, while nobody else does so.

    ``disturbed``: somebody was about to make a part of it a moment ago.

    An engine of our own that is gone has nothing left. :class:`MachineError` if an engine does
    not answer or lets something stay: then the lab's files must stay, too.
    """
    with _alone(place):
        disturbed = end_makers(place.id) or not place.lab.exists() or disturbed
        try:
            spec = KindSpec.read(place)
        except (OSError, ValueError):
            return
        if _answers(spec):
            _clear(spec, disturbed=disturbed)


@contextmanager
def _alone(place: State) -> Iterator[None]:
    """Be the only one that clears the lab; what is not there cannot be cleared twice."""
    try:
        lock = locks.of_directory(place.path)
    except FileNotFoundError:
        yield
        return
    with locks.held(lock):
        yield


def _answers(spec: KindSpec) -> bool:
    """Say whether the lab's engine is there; only one of our own is known to be gone."""
    if offline.answers(spec.engine):
        return True
    if offline.has_ended(spec.engine):
        return False
    raise MachineError(
        f"lab {spec.lab} cannot be removed: the engine at {spec.engine_url} does not answer",
        "meshproof reap, once the engine answers",
    )


def _clear(spec: KindSpec, *, disturbed: bool) -> None:
    with _blamed(spec.lab), closing(spec.engine.client()) as client:
        sweep(client, spec.lab, disturbed=disturbed)
        if spec.guarded:
            egress.reopen(client, spec.names, spec.helper)


@contextmanager
def _blamed(lab: str) -> Iterator[None]:
    """Blame the machine for an engine that stops answering."""
    try:
        yield
    except (DockerException, RequestException) as error:
        raise MachineError(
            f"lab {lab} cannot be removed from the engine: {said(error)}",
            "meshproof reap, once the engine answers",
        ) from error


def reap() -> list[str]:
    """Remove what is left of labs whose guardian is gone; return their ids.

    What cannot be removed is said and stays for the next time.
    """
    found = {place.id for place in state.abandoned(NAME) if _reaped(place)}
    if (answering := offline.find_engine()) is not None:
        with closing(answering.client()) as client:
            orphans = leftovers(client, state.base())
            found |= {lab for lab in orphans if _orphan_reaped(client, lab)}
    return sorted(found)


def _reaped(place: State) -> bool:
    try:
        clear(place)
    except MachineError as error:
        to_stderr(f"{error}")
        return False
    place.remove()
    return True


def _orphan_reaped(client: DockerClient, lab: str) -> bool:
    """Remove a lab whose very files are gone; what it was is told by its labels alone."""
    try:
        with _blamed(lab):
            helper = egress.helper_of(client, lab)
            sweep(client, lab)
            if helper:
                egress.reopen(client, Names(lab), helper)
    except MachineError as error:
        to_stderr(f"{error}")
        return False
    return True
