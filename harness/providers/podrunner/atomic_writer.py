"""Write a volume's files so that readers see the old set or the new one, never a mixture."""

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from harness.providers.podrunner.volumes import Payload

#: The link that is swapped (a kubelet's name for it; programs are known to watch it).
_DATA_DIR = "..data"


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose files they are: a user, a group (``fsGroup``), or nobody in particular."""

    user: int | None = None
    group: int | None = None


def make_empty_dir(directory: Path, owner: Owner) -> None:
    """Make an empty directory that everybody, or its group, may write to."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o777)
    if owner.group is not None:
        os.chown(directory, -1, owner.group)
        directory.chmod(0o2777)


def write(directory: Path, payload: Payload, owner: Owner) -> bool:
    """Make ``payload`` the contents of ``directory``; ``False`` if it is already."""
    directory.mkdir(parents=True, exist_ok=True)
    if _holds(directory, payload):
        return False
    fresh = Path(mkdtemp(prefix="..", dir=directory))
    fresh.chmod(0o755)
    for path, file in payload.items():
        _put(fresh / path, file.data, file.mode, owner)
    old = _swap(directory, fresh)
    _link(directory, {path.split("/", 1)[0] for path in payload})
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
    return True


def _holds(directory: Path, payload: Payload) -> bool:
    current = directory / _DATA_DIR
    if not current.is_symlink():
        return False
    held = {str(path.relative_to(current)): path for path in _files(current)}
    return held.keys() == payload.keys() and all(
        path.read_bytes() == payload[name].data for name, path in held.items()
    )


def _files(directory: Path) -> Iterator[Path]:
    # Resolved by hand: a glob below a link does not follow the link itself everywhere.
    for where, _, names in os.walk(directory):
        yield from (Path(where) / name for name in names)


def _put(path: Path, data: bytes, mode: int, owner: Owner) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    if owner.user is not None or owner.group is not None:
        os.chown(path, _id(owner.user), _id(owner.group))
    path.chmod(mode | 0o440 if owner.group is not None else mode)


def _id(number: int | None) -> int:
    return -1 if number is None else number


def _swap(directory: Path, fresh: Path) -> Path | None:
    current, aside = directory / _DATA_DIR, directory / "..data_tmp"
    old = directory / current.readlink() if current.is_symlink() else None
    with suppress(FileNotFoundError):
        aside.unlink()
    aside.symlink_to(fresh.name)
    aside.rename(current)
    return old


def _link(directory: Path, names: set[str]) -> None:
    for entry in directory.iterdir():
        # Links only: a directory is where another volume is mounted.
        if entry.is_symlink() and entry.name != _DATA_DIR and entry.name not in names:
            entry.unlink()
    for name in names:
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"{_DATA_DIR}/{name}")
