"""The cache of finished components: made aside, published by one rename, never half there.

Layout below the user's cache: ``components/LABEL/`` (programs and their manifest),
``making/LABEL.PID`` (what is being made), ``locks/`` and ``logs/``.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from harness import locks
from harness.artifacts import manifest
from harness.artifacts.home import home
from harness.artifacts.manifest import Artifact
from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Component, Made
from harness.model import HarnessError, Program
from harness.phases import Phases


def kept(component: Component) -> dict[str, Artifact] | None:
    """Return the finished component, or ``None``: absent, unfinished, or not what was made."""
    try:
        found = manifest.read(_entry(component))
        return {name: manifest.trusted(found[name]) for name in component.programs}
    except (HarnessError, KeyError):
        return None


def listed(component: Component) -> dict[str, Artifact]:
    """Return what the cache has of the component, unchecked; empty if it was never made."""
    try:
        return manifest.read(_entry(component))
    except HarnessError:
        return {}


def made(component: Component, phases: Phases) -> dict[str, Artifact]:
    """Return the component, making it first if it is not there.

    Of two processes that need it at once one makes it and the other waits for it.
    """
    if there := kept(component):
        return there
    with _alone(component, phases):
        if there := kept(component):
            return there
        with phases.phase(f"make {component.name} {component.version}"):
            _make(component, phases)
    return manifest.read(_entry(component))


def expected(component: Component) -> float:
    """Return the seconds that making it takes here without caches: builds use every core."""
    return component.seconds * 2 / (os.cpu_count() or 2)


def _entry(component: Component) -> Path:
    return home() / "components" / component.label


def _alone(component: Component, phases: Phases) -> AbstractContextManager[None]:
    """Hold the component's lock."""
    waiting = f"{component.name}: another run is making it; waiting for that"
    lock = locks.of_file(home() / "locks" / component.label)
    return locks.held(lock, busy=lambda: phases.say(waiting))


def _make(component: Component, phases: Phases) -> None:
    with _aside(component) as place:
        log = home() / "logs" / f"{component.label}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.unlink(missing_ok=True)
        title = f"{component.name} {component.version}"
        product = component.recipe.make(Bench(place, title, expected(component), log, phases))
        manifest.write(place, _described(component, product))
        _publish(place, _entry(component))


@contextmanager
def _aside(component: Component) -> Iterator[Path]:
    """Lend an empty directory, after sweeping those of makers that were killed."""
    making = home() / "making"
    for left in making.glob(f"{component.label}.*"):
        shutil.rmtree(left, ignore_errors=True)
    place = making / f"{component.label}.{os.getpid()}"
    place.mkdir(parents=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _described(component: Component, made: Made) -> list[Artifact]:
    return [
        Artifact(
            Program(
                name=name,
                version=component.version,
                source=made.source,
                sha256=manifest.digest(made.files[name]),
                note=component.note,
            ),
            made.files[name],
        )
        for name in component.programs
    ]


def _publish(place: Path, entry: Path) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(entry, ignore_errors=True)  # what kept() has just refused
    place.rename(entry)
