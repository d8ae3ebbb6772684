"""Images of a lab: programs of this machine, laid out as in the image."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.model.images import ImageTable, Programs, plain
from harness.providers.embedded.cloud import DNS_IMAGE
from harness.providers.fabric.images import COREDNS, workloads
from harness.providers.podrunner.config import Image


def table(mesh: ImageTable) -> dict[str, Programs]:
    """Return all images of a lab: those of its mesh that are programs, and its own."""
    programs = {name: each for name, each in mesh.items() if isinstance(each, Programs)}
    return {**programs, **workloads(bound=True), DNS_IMAGE: COREDNS}


def refused(mesh: ImageTable) -> Iterator[str]:
    """Say which images are nothing that plain processes can be made of."""
    for name, source in mesh.items():
        if not isinstance(source, Programs):
            kind = type(source).__name__.lower()
            yield f"image {name} is a {kind}: embedded labs run programs only; use --provider kind"


def image(source: Programs, programs: Mapping[str, Path]) -> Image:
    """Return what the pod runner is told of an image; ``programs`` are those that it names."""
    files = {path: str(programs[name]) for path, name in source.files.items()}
    trees = {path: str(directory) for path, directory in source.trees.items()}
    return Image(
        argv=source.argv, binds={**files, **trees}, writable=source.writable, user=source.user
    )


def by_name(found: Mapping[str, Image]) -> dict[str, Image]:
    """Return images by the names under which pods' own are looked up."""
    return {plain(name): each for name, each in found.items()}
