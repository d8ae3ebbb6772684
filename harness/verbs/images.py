"""``meshproof images``: what kind's nodes and pods run; made, listed, saved, loaded."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from harness.meshes.istio.images import images as mesh_images
from harness.meshes.istio.mesh import IstioMesh
from harness.model import ConfigError, MachineError
from harness.model.images import ImageTable
from harness.phases import Phases
from harness.providers.offline import engine, images
from harness.providers.offline.engine import Engine
from harness.providers.offline.images import archive
from harness.providers.offline.images.choice import SOURCES, asked
from harness.providers.offline.images.listing import Listing
from harness.providers.offline.images.provision import decided
from harness.providers.offline.images.recipe import recipe
from harness.shell import LocalShell
from harness.tools.docker import Docker


def add(parser: argparse.ArgumentParser) -> None:
    """Add the verbs; each leaves a function ``rows`` that returns its output and exit code."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb, run, text in (
        ("build", _build, "make or pull what is missing"),
        ("list", _list, "say where each image comes from, and whether it is there"),
        ("load", _load, "load a file that `save` wrote; refuse one that was changed"),
        ("save", _save, "write all images to one file, for a machine without a registry"),
    ):
        command = verbs.add_parser(verb, help=text)
        command.set_defaults(rows=run)
        if verb in ("load", "save"):
            command.add_argument("file", type=Path)
        if verb != "load":
            command.add_argument("--from", dest="source", choices=SOURCES, default="")
            command.add_argument(
                "--registry", default="", metavar="PREFIX", help="a mirror of docker.io"
            )


def _build(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    wish = asked(options.source, options.registry)
    had = images.ensure(_engine(), Phases(), mesh=_mesh(), wish=wish)
    loaded = [f"{name}, loaded into each cluster" for name in had.loads]
    return [had.node, *loaded, f"images: {had.source}"], 0


def _list(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    with _listing(options) as listing:
        rows = [str(row) for row in listing.rows()]
        return [*rows, f"{listing.decision.way}: {listing.decision.why}"], 0


def _save(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    if options.file.is_dir():
        raise ConfigError(str(options.file), ["a directory; name a file"])
    if not options.file.absolute().parent.is_dir():
        raise ConfigError(str(options.file), ["there is no such directory"])
    _build(options)
    with _listing(options) as listing:
        names = listing.names()
    with Phases().phase("images: save"):
        listed = archive.save(_docker(), names, recipe(_mesh()).digest, options.file.absolute())
    return [f"{name} {digest}" for name, digest in listed.images.items()], 0


def _load(options: argparse.Namespace) -> tuple[Sequence[str], int]:
    with Phases().phase("images: load"):
        listed = archive.load(_docker(), options.file, recipe(_mesh()).digest)
    return [f"{name} {digest}" for name, digest in listed.images.items()], 0


@contextmanager
def _listing(options: argparse.Namespace) -> Iterator[Listing]:
    found, how = _engine(), recipe(_mesh())
    wish = asked(options.source, options.registry)
    with closing(found.client()) as client:
        decision = decided(client, wish, how, uplink=found.pid is None)
        yield Listing(client, how, wish, decision)


def _mesh() -> ImageTable:
    """Return what pods of Istio run at its default version: what a bare run asks for."""
    return mesh_images([IstioMesh().version])


def _engine() -> Engine:
    if found := engine.find():
        return found
    raise MachineError("no container engine answers", "meshproof engine up, or start Docker")


def _docker() -> Docker:
    return Docker(LocalShell(), _engine().environment())
