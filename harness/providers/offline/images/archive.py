"""Images as one file, for machines that reach neither a registry nor packages.

The file is what ``docker save`` writes, with a list of ours as its last entry: what is in it,
and by which recipe it was made. Before anything is loaded every part is hashed.
"""

import gzip
import hashlib
import io
import json
import posixpath
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.model import ConfigError
from harness.tools.docker import Docker

_LIST = "meshproof-images.json"
_MANIFEST = "manifest.json"
_CHUNK = 1 << 20
#: A configuration is a few kilobytes; what is larger is a layer.
_SMALL = 1 << 20


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Listed(_Strict):
    """What a file holds. ``images`` are digests of configurations by name: each configuration
    names the digests of its layers. ``recipe`` is the digest of the recipe that they are of."""

    format: int = 1
    recipe: str
    images: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read once: digest of each entry, and the small ones themselves.

    ``unpacked`` digests are those of what compressed entries hold.
    """

    digests: Mapping[str, str]
    unpacked: Mapping[str, str]
    small: Mapping[str, bytes]


def save(docker: Docker, names: list[str], recipe: str, path: Path) -> Listed:
    """Write the images called ``names``; the file gets its own name when it is whole."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        docker.save(names, part)
        read = _read(part)
        listed = Listed(recipe=recipe, images=_configurations(read))
        data = listed.model_dump_json(indent=1).encode()
        with tarfile.open(part, "a") as tar:
            info = tarfile.TarInfo(_LIST)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    return listed


def load(docker: Docker, path: Path, recipe: str) -> Listed:
    """Load the images of a file that :func:`save` wrote, or refuse it with every reason.

    Raises :class:`ConfigError` for a file of which any part is not what the list says, and for
    images of another recipe, which no lab of this version would use.
    """
    try:
        read = _read(path)
        listed = Listed.model_validate_json(read.small.get(_LIST, b""))
    except OSError as error:
        raise ConfigError(str(path), [error.strerror or str(error)]) from None
    except (tarfile.TarError, EOFError, ValidationError):
        raise ConfigError(str(path), ["not whole, or not written by `images save`"]) from None
    if wrong := differing(read, listed, recipe):
        raise ConfigError(str(path), wrong)
    docker.load(path)
    return listed


def differing(read: _Read, listed: Listed, recipe: str) -> list[str]:
    """Say of each part that is not what it should be what is wrong with it."""
    wrong = []
    if listed.recipe != recipe:
        wrong.append(f"made by recipe {listed.recipe[:12]}, this version needs {recipe[:12]}")
    found = _configurations(read)
    for name, digest in listed.images.items():
        if found.get(name) != digest:
            wrong.append(f"{name}: not the image that is listed (digest differs)")
    unlisted = sorted(set(found) - set(listed.images))
    return [*wrong, *(f"{name}: not listed" for name in unlisted), *_wrong_layers(read)]


def _wrong_layers(read: _Read) -> list[str]:
    wrong = []
    for image in json.loads(read.small.get(_MANIFEST, b"[]")):
        expected = json.loads(read.small[image["Config"]])["rootfs"]["diff_ids"]
        for layer, digest in zip(image["Layers"], expected, strict=True):
            if read.unpacked.get(layer) != digest.removeprefix("sha256:"):
                wrong.append(f"{layer}: not the layer of its image (digest differs)")
    return sorted(set(wrong))


def _configurations(read: _Read) -> dict[str, str]:
    """Return the digest of each image's configuration, by name."""
    return {
        name: read.digests.get(image["Config"], "missing")
        for image in json.loads(read.small.get(_MANIFEST, b"[]"))
        for name in image["RepoTags"] or ()
    }


def _read(path: Path) -> _Read:
    """Read the whole file once; a layer that several images share is a link in some archives."""
    digests, unpacked, small, links = {}, {}, {}, {}
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            name = member.name
            if member.issym():
                links[name] = posixpath.normpath(f"{posixpath.dirname(name)}/{member.linkname}")
            file = tar.extractfile(member) if member.isreg() else None
            if file is None:
                continue
            digests[name] = _digest(file)
            unpacked[name] = _unpacked(file) or digests[name]
            if member.size <= _SMALL:
                file.seek(0)
                small[name] = file.read()
    unpacked |= {name: unpacked[target] for name, target in links.items() if target in unpacked}
    return _Read(digests, unpacked, small)


def _unpacked(file: IO[bytes]) -> str:
    """Return the digest of what a compressed entry holds; empty if it is not compressed."""
    file.seek(0)
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return _digest(gzip.GzipFile(fileobj=file)) if packed else ""


def _digest(file: IO[bytes] | gzip.GzipFile) -> str:
    found = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        found.update(chunk)
    return found.hexdigest()
