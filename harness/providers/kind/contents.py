"""What of an image is put on a machine: files of this machine, as an archive for the engine."""

import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Self

from pydantic import BaseModel, ConfigDict

from harness import artifacts
from harness.model.images import ImageTable, Programs
from harness.phases import Phases


class Contents(BaseModel):
    """Files and directories of Python sources by where they lie, and who may write where."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    files: Mapping[str, Path] = {}
    trees: Mapping[str, Path] = {}
    writable: tuple[str, ...] = ()

    @classmethod
    def of(cls, source: Programs, phases: Phases) -> Self:
        """Return what is in an image of programs, which are made first if need be."""
        found = artifacts.ensure([*source.files.values()], phases, source.versions)
        files = {path: found[name].path for path, name in source.files.items()}
        return cls(files=files, trees=source.trees, writable=source.writable)

    def pack(self, out: IO[bytes]) -> None:
        """Write the archive; directories come before what is in them, or engines close them."""
        with tarfile.open(fileobj=out, mode="w") as tar:
            known: set[str] = set()
            for path, source in self.files.items():
                _add(tar, path, source, known)
            for path, directory in self.trees.items():
                for source in sorted(directory.glob("*.py")):
                    _add(tar, f"{path}/{source.name}", source, known)
            for path in self.writable:
                _directory(tar, path, known, mode=0o777)


def contents(table: ImageTable, phases: Phases) -> dict[str, Contents]:
    """Return what machines can have of images: those that are put together from programs."""
    return {
        name: Contents.of(source, phases)
        for name, source in table.items()
        if isinstance(source, Programs) and not source.bare
    }


def _add(tar: tarfile.TarFile, path: str, source: Path, known: set[str]) -> None:
    _directory(tar, str(PurePosixPath(path).parent), known)
    info = tarfile.TarInfo(path.lstrip("/"))
    info.mode = 0o755 if source.stat().st_mode & 0o100 else 0o644
    info.size = source.stat().st_size
    with source.open("rb") as file:
        tar.addfile(info, file)


def _directory(tar: tarfile.TarFile, path: str, known: set[str], *, mode: int = 0o755) -> None:
    """Add a directory and those above it, each once."""
    if path in ("/", ".", "") or path in known:
        return
    _directory(tar, str(PurePosixPath(path).parent), known)
    known.add(path)
    info = tarfile.TarInfo(path.lstrip("/"))
    info.type, info.mode = tarfile.DIRTYPE, mode
    tar.addfile(info)
