"""Hand out programs: from a bundle, from the cache, or by making them now.

No program is ever taken from the PATH: what runs in a lab is what a manifest lists. The parts of
one component are of one version, wherever each comes from.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from harness.artifacts import components, manifest, space, store
from harness.artifacts.components import table
from harness.artifacts.home import bundles
from harness.artifacts.manifest import Artifact
from harness.artifacts.recipes import Component, Unknown
from harness.model import ConfigError
from harness.phases import Phases

DEFAULT: Mapping[str, str] = MappingProxyType({})


def ensure(
    names: Sequence[str], phases: Phases, versions: Mapping[str, str] = DEFAULT
) -> dict[str, Artifact]:
    """Return every program of ``names``, made first if need be.

    ``versions`` asks for other versions than the default, by component. Raises
    :class:`MachineError` for what this machine lacks, :class:`ToolError` with the last lines
    of a build that fails, :class:`ConfigError` for a name or a version that nobody knows.
    """
    owners = owned(names, chosen(versions))
    if problems := unavailable(names, versions):
        raise ConfigError("versions", problems)
    found = {
        name: manifest.trusted(artifact)
        for name, artifact in bundled(versions).items()
        if name in owners
    }
    wanted = [name for name in owners if name not in found]
    absent = list({owners[name].name: owners[name] for name in wanted}.values())
    for artifacts in _made(absent, phases):
        found |= {name: artifact for name, artifact in artifacts.items() if name in wanted}
    return {name: found[name] for name in owners}


def present(names: Sequence[str], versions: Mapping[str, str] = DEFAULT) -> dict[str, Artifact]:
    """Return those programs of ``names`` that are there already; nothing is made or hashed."""
    owners = owned(names, chosen(versions))
    offered = bundled(versions)
    found = {name: offered[name] for name in owners if name in offered}
    for name, component in owners.items():
        if name not in found and (artifact := store.listed(component).get(name)):
            found[name] = artifact
    return found


def others(names: Sequence[str], versions: Mapping[str, str] = DEFAULT) -> list[Artifact]:
    """Return what the cache has of ``names`` in other versions than these."""
    owners = owned(names, chosen(versions))
    found = []
    for component in {owner.name: owner for owner in owners.values()}.values():
        for version in components.known(component.name):
            if version != component.version:
                listed = store.listed(components.make(component.name, version))
                found += [listed[name] for name in owners if name in listed]
    return found


def unavailable(names: Sequence[str], versions: Mapping[str, str] = DEFAULT) -> list[str]:
    """Say which versions of what ``names`` needs neither a bundle brings nor anybody can make."""
    offered = bundled(versions)
    absent = [c for name, c in owned(names, chosen(versions)).items() if name not in offered]
    return list(dict.fromkeys(c.recipe.problem for c in absent if isinstance(c.recipe, Unknown)))


def owned(names: Sequence[str], known: Sequence[Component]) -> dict[str, Component]:
    """Return the component of each program; a component's name stands for all its programs."""
    owners = {program: component for component in known for program in component.programs}
    parts = {component.name: component.programs for component in known}
    programs = [program for name in names for program in parts.get(name, (name,))]
    if unknown := sorted(set(programs) - set(owners)):
        raise ConfigError("artifacts", [f"nothing is called {name}" for name in unknown])
    return {program: owners[program] for program in programs}


def chosen(versions: Mapping[str, str]) -> list[Component]:
    """Return every component at the version asked for, else at a bundle's, else at its default."""
    owners = {program: each.name for each in table({}) for program in each.programs}
    brought: dict[str, str] = {}
    for artifact in _brought():
        if artifact.program.name in owners:
            brought.setdefault(owners[artifact.program.name], artifact.program.version)
    return table({**components.asked(brought), **components.asked(versions)})


def bundled(versions: Mapping[str, str]) -> dict[str, Artifact]:
    """Return what bundles offer of the chosen versions."""
    version = {program: each.version for each in chosen(versions) for program in each.programs}
    found: dict[str, Artifact] = {}
    for artifact in _brought():
        program = artifact.program
        if program.version == version.get(program.name):
            found.setdefault(program.name, artifact)
    return found


def _brought() -> list[Artifact]:
    return [artifact for place in bundles() for artifact in manifest.read(place).values()]


def _made(wanted: Sequence[Component], phases: Phases) -> list[dict[str, Artifact]]:
    ready = {component.name: store.kept(component) for component in wanted}
    absent = [component for component in wanted if not ready[component.name]]
    if absent:
        space.check(absent)
        minutes = sum(map(store.expected, absent)) / 60
        listed = ", ".join(f"{component.name} {component.version}" for component in absent)
        phases.say(f"to be made: {listed}; about {max(1, round(minutes))} min without caches")
    return [ready[c.name] or store.made(c, phases) for c in wanted]
