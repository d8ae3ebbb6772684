"""A directory of programs and the list that says what they are; the cache and bundles use it."""

import hashlib
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.artifacts.home import home
from harness.model import ConfigError, MachineError, Program

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file that is ready for use: what it is, and where it lies on this machine."""

    program: Program
    path: Path


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    file: str
    program: Program


class _Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    format: int = 1
    files: tuple[_Entry, ...]


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(directory: Path, artifacts: Iterable[Artifact]) -> None:
    """Put copies of ``artifacts`` and the list of them into ``directory``, for every user to read.

    What lies in ``directory`` already stays where it is. The list comes last: a directory
    without one is unfinished.
    """
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    entries = []
    for artifact in artifacts:
        target = artifact.path
        if not target.is_relative_to(directory):
            target = directory / artifact.program.name
            shutil.copyfile(artifact.path, target)
        _open_to_all(target, directory)
        entries.append(_Entry(file=str(target.relative_to(directory)), program=artifact.program))
    listed = directory / MANIFEST
    listed.write_text(_Manifest(files=tuple(entries)).model_dump_json(indent=1), "utf-8")
    listed.chmod(0o644)


def _open_to_all(target: Path, directory: Path) -> None:
    """Let other accounts (those of pods, too) reach and run a file below ``directory``."""
    target.chmod(0o755)
    for parent in target.relative_to(directory).parents:
        (directory / parent).chmod(0o755)


def read(directory: Path) -> dict[str, Artifact]:
    """Return what ``directory`` lists, by name; raises :class:`ConfigError` if it lists nothing."""
    listed = directory / MANIFEST
    try:
        manifest = _Manifest.model_validate_json(listed.read_bytes())
    except OSError as error:
        raise ConfigError(str(listed), [error.strerror or "cannot be read"]) from None
    except ValidationError as error:
        raise ConfigError(str(listed), [found["msg"] for found in error.errors()]) from None
    if outside := [entry for entry in manifest.files if _leaves(directory, entry.file)]:
        told = [f"{each.program.name}: {each.file} lies outside of it" for each in outside]
        raise ConfigError(str(listed), told)
    return {
        entry.program.name: Artifact(entry.program, directory / entry.file)
        for entry in manifest.files
    }


def _leaves(directory: Path, file: str) -> bool:
    """Say whether an entry points elsewhere, by its name or by a link: a list is for carrying."""
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        return True
    return not (directory / path).resolve().is_relative_to(directory.resolve())


def damaged(artifacts: Sequence[Artifact]) -> list[str]:
    """Hash every file anew; say of each that is not what its manifest lists what is wrong."""
    return [trouble for artifact in artifacts if (trouble := _trouble(artifact))]


def _trouble(artifact: Artifact) -> str:
    if not artifact.path.is_file():
        return f"{artifact.path}: missing"
    if digest(artifact.path) != artifact.program.sha256:
        return f"{artifact.path}: not the file that was listed (sha256 differs)"
    return ""


def trusted(artifact: Artifact) -> Artifact:
    """Return ``artifact`` if the file is the listed one; raises :class:`MachineError` if not.

    A file is hashed once per user: afterwards a seal that names its inode, size and time of
    change vouches for it, so that a run does not read a gigabyte before it starts.
    """
    seal = _seal(artifact)
    if not seal.exists():
        if trouble := _trouble(artifact):
            raise MachineError(trouble, "make that directory anew")
        seal.parent.mkdir(parents=True, exist_ok=True)
        seal.touch()
    return artifact


def _seal(artifact: Artifact) -> Path:
    try:
        seen = artifact.path.stat()
    except OSError:
        raise MachineError(f"{artifact.path}: missing", "make that directory anew") from None
    marks = (artifact.path.resolve(), seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    name = hashlib.sha256(f"{marks} {artifact.program.sha256}".encode()).hexdigest()
    return home() / "seals" / name
