"""Have every image that a lab on kind needs, in the engine, by the way that is open."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from harness import locks
from harness.artifacts import debian, supply
from harness.artifacts.home import home
from harness.model import Program
from harness.model.images import Archive, ImageTable, Reference
from harness.phases import Phases
from harness.providers.offline.engine import Engine
from harness.providers.offline.images.choice import Asked, Decision, Way, asked, decide
from harness.providers.offline.images.labels import CONTENTS, Inside
from harness.providers.offline.images.node_image import Maker
from harness.providers.offline.images.pod_images import Singles
from harness.providers.offline.images.recipe import NODE, Recipe, recipe
from harness.providers.offline.images.registry import Registry, present
from harness.providers.offline.images.rootfs import ROOT

if TYPE_CHECKING:
    import docker

_STOCK = "kindest/node"


@dataclass(frozen=True, slots=True)
class Images:
    """What a lab uses, by the names that the engine knows.

    ``node`` is for ``kind create cluster --image``; ``loads`` must be loaded into each cluster
    (nothing, if nodes hold them). ``helper`` has Python, iptables and ip; whoever runs it names
    an entry point, as that of a node would boot one. ``programs`` is for the report, ``source``
    says in words which way images were had.
    """

    node: str
    loads: tuple[str, ...]
    helper: str
    programs: tuple[Program, ...]
    source: str


def ensure(
    engine: Engine,
    phases: Phases,
    *,
    mesh: ImageTable,
    wish: Asked | None = None,
    versions: Mapping[str, str] = supply.DEFAULT,
) -> Images:
    """Return the images, made or pulled first if need be; says which way it takes.

    ``mesh`` is what its pods will name; ``versions`` asks for other components in other versions
    than the default. Of two processes that need them at once one makes them and the other waits
    for it.
    """
    wish, how = wish or asked(), recipe(mesh, versions)
    with closing(engine.client()) as client:
        decision = decided(client, wish, how, uplink=engine.pid is None)
        phases.say(f"images: {decision.way} ({decision.why})")
        if decision.way is Way.HERE:
            had = _here(client, how, phases, decision)
        else:
            with _alone(phases):
                had = _of_registry(client, how, phases, wish)
        return _with_others(client, had, mesh, phases, wish)


def lacks(engine: Engine) -> list[str]:
    """Say what this machine lacks to have images, each with its remedy; empty if nothing.

    Asks no registry: where one may answer, it is taken to have them.
    """
    wish = asked()
    if wish.source == "registry" or (wish.source == "auto" and (wish.prefix or not engine.pid)):
        return []
    with closing(engine.client()) as client:
        if client.images.list(name=NODE) or supply.present([ROOT]):
            return []
    return [f"{why}, or load images by `meshproof images load`" for why in debian.lacks()]


def decided(client: "docker.DockerClient", wish: Asked, how: Recipe, *, uplink: bool) -> Decision:
    """Return the way that is open; asks the registry at most once."""
    registry = Registry(client, wish.prefix)
    stock = stock_node(how)
    return decide(
        wish,
        made=present(client, how.node),
        pulled=present(client, registry.name(stock)),
        uplink=uplink,
        trouble=partial(registry.trouble, stock),
    )


def stock_node(how: Recipe) -> str:
    """Return the public node image of the same Kubernetes."""
    return f"{_STOCK}:v{how.kubernetes}"


def _here(client: "docker.DockerClient", how: Recipe, phases: Phases, decision: Decision) -> Images:
    """Everything in one image; nothing has to be loaded or pulled."""
    if not present(client, how.node):
        with _alone(phases):
            if not present(client, how.node):
                Maker(client, how, phases).node()
    image = client.images.get(how.node)
    inside = Inside.load(image.labels.get(CONTENTS, ""))
    source = f"{Way.HERE} ({decision.why})"
    note = f"Debian packages: {inside.packages}"
    rows = [_image(how.node, image.id, str(Way.HERE), note)]
    rows += [
        _image(name, digest, str(Way.HERE), f"in {how.node}")
        for name, digest in inside.images.items()
    ]
    return Images(how.node, (), how.node, (*rows, *inside.programs), source)


def _of_registry(client: "docker.DockerClient", how: Recipe, phases: Phases, wish: Asked) -> Images:
    """Nodes and releases of the mesh as they are published, the rest made here.

    What a mirror has gets its public name as well: by that one it is known where it is loaded.
    """
    registry = Registry(client, wish.prefix)
    singles = Singles(Maker(client, how, phases), registry)
    node = registry.pulled(stock_node(how), phases)
    client.images.get(node).tag(stock_node(how))
    source = f"{Way.REGISTRY} {wish.registry}"
    rows = [_image(node, _published_digest(client, node), source)]
    loads = []
    for image in how.pods:
        name = image.name.removeprefix("docker.io/")
        if image.source.published:
            pulled = registry.pulled(image.source.published, phases)
            client.images.get(pulled).tag(name)
            rows.append(_image(image.name, _published_digest(client, pulled), source))
        else:
            made = client.images.get(singles.pod(image))
            rows.append(_image(image.name, made.id, str(Way.HERE)))
            rows += Inside.load(made.labels.get(CONTENTS, "")).programs
        loads.append(name)
    return Images(node, tuple(loads), singles.base(), tuple(rows), source)


def _with_others(
    client: "docker.DockerClient", had: Images, mesh: ImageTable, phases: Phases, wish: Asked
) -> Images:
    """Add what a mesh has in archives and registries: that is loaded into each cluster."""
    names, rows = [], []
    for asked_for, source in mesh.items():
        name = asked_for.removeprefix("docker.io/")
        if isinstance(source, Reference):
            found = client.images.get(Registry(client, wish.prefix).pulled(source.name, phases))
            whence = f"{Way.REGISTRY} {wish.registry}"
        elif isinstance(source, Archive):
            found, *_ = client.images.load(source.path.read_bytes())
            whence = str(source.path)
        else:
            continue
        found.tag(name)
        names.append(name)
        rows.append(_image(asked_for, _published_digest(client, name), whence))
    return replace(had, loads=(*had.loads, *names), programs=(*had.programs, *rows))


def _image(name: str, digest: str, source: str, note: str = "") -> Program:
    """Return an image as the report lists what ran."""
    short, _, tag = name.rpartition(":")
    return Program(
        name=f"image {short}",
        version=tag,
        source=source,
        sha256=digest.removeprefix("sha256:"),
        note=note,
    )


def _published_digest(client: "docker.DockerClient", name: str) -> str:
    """Return the digest by which registries know an image; its id if it never saw one."""
    image = client.images.get(name)
    known = image.attrs.get("RepoDigests") or [image.id]
    return str(known[0]).rpartition("@")[2]


def _alone(phases: Phases) -> AbstractContextManager[None]:
    """Hold the lock of all makers."""
    waiting = "images: another run is making them; waiting for that"
    return locks.held(locks.of_file(home() / "locks" / "images"), busy=lambda: phases.say(waiting))
