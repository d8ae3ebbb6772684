"""Hand out programs: from the bundle, from the cache, or by making them now.

No program is ever taken from the PATH: what runs in a lab is what a manifest lists.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from harness.artifacts import manifest, space, store
from harness.artifacts.components import table
from harness.artifacts.home import bundle
from harness.artifacts.manifest import Artifact
from harness.artifacts.recipes import Component
from harness.model import ConfigError
from harness.phases import Phases

DEFAULT: Mapping[str, str] = MappingProxyType({})


def ensure(
    names: Sequence[str], phases: Phases, versions: Mapping[str, str] = DEFAULT
) -> dict[str, Artifact]:
    """Return every program of ``names``, made first if need be.

    ``versions`` asks for other versions than the default, by component. Raises
    :class:`MachineError` for what this machine lacks, :class:`ToolError` with the last lines
    of a build that fails, :class:`ConfigError` for a name that nobody knows.
    """
    owners = owned(names, table(versions))
    found = {
        name: manifest.trusted(artifact)
        for name, artifact in bundled(versions).items()
        if name in owners
    }
    wanted = [name for name in owners if name not in found]
    components = list({owners[name].name: owners[name] for name in wanted}.values())
    for artifacts in _made(components, phases):
        found |= {name: artifact for name, artifact in artifacts.items() if name in wanted}
    return {name: found[name] for name in owners}


def present(names: Sequence[str], versions: Mapping[str, str] = DEFAULT) -> dict[str, Artifact]:
    """Return those programs of ``names`` that are there already; nothing is made or hashed."""
    owners = owned(names, table(versions))
    offered = bundled(versions)
    found = {name: offered[name] for name in owners if name in offered}
    for name, component in owners.items():
        if name not in found and (artifact := store.listed(component).get(name)):
            found[name] = artifact
    return found


def owned(names: Sequence[str], components: Sequence[Component]) -> dict[str, Component]:
    """Return the component of each program; a component's name stands for all its programs."""
    known = {program: component for component in components for program in component.programs}
    parts = {component.name: component.programs for component in components}
    programs = [program for name in names for program in parts.get(name, (name,))]
    if unknown := sorted(set(programs) - set(known)):
        raise ConfigError("artifacts", [f"nothing is called {name}" for name in unknown])
    return {program: known[program] for program in programs}


def bundled(versions: Mapping[str, str]) -> dict[str, Artifact]:
    """Return what the bundle offers, without what was asked for in another version."""
    place = bundle()
    if place is None:
        return {}
    asked = {name: c.version for c in table(versions) if c.name in versions for name in c.programs}
    return {
        name: artifact
        for name, artifact in manifest.read(place).items()
        if artifact.program.version == asked.get(name, artifact.program.version)
    }


def _made(components: Sequence[Component], phases: Phases) -> list[dict[str, Artifact]]:
    ready = {component.name: store.kept(component) for component in components}
    absent = [component for component in components if not ready[component.name]]
    if absent:
        space.check(absent)
        minutes = sum(map(store.expected, absent)) / 60
        listed = ", ".join(f"{component.name} {component.version}" for component in absent)
        phases.say(f"to be made: {listed}; about {max(1, round(minutes))} min without caches")
    return [ready[c.name] or store.made(c, phases) for c in components]
