"""Files that an engine writes outside its data, wherever it is told to keep them.

What was absent before the engine started is the engine's only if it is there when the engine
serves: should a Docker of the machine's own come later, its files are its own.
"""

import json
from contextlib import suppress
from pathlib import Path

from harness import files

#: A key that only names the engine, and directories for plug-ins; contents before containers.
_WRITTEN = (
    "etc/docker/key.json",
    "etc/docker",
    "opt/containerd/bin",
    "opt/containerd/lib",
    "opt/containerd",
)


def note(memory: Path, root: Path = Path("/")) -> None:
    """Write to ``memory`` which of them are not there yet, before the engine starts."""
    absent = [name for name in _WRITTEN if not (root / name).exists()]
    files.publish(memory, json.dumps(dict.fromkeys(absent)))


def own(memory: Path, root: Path = Path("/")) -> None:
    """Write to ``memory`` which of those there are now, once the engine serves."""
    found = {name: _identity(root / name) for name in _remembered(memory)}
    files.publish(memory, json.dumps({name: seen for name, seen in found.items() if seen}))


def erase(memory: Path, root: Path = Path("/")) -> None:
    """Remove what the engine wrote; directories that others filled, and their files, stay.

    Of an engine that never served, that is what was not there before.
    """
    for name, mine in _remembered(memory).items():
        path = root / name
        if mine is None or mine == _identity(path):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)


def _remembered(memory: Path) -> dict[str, list[int] | None]:
    try:
        told: dict[str, list[int] | None] = json.loads(memory.read_text())
    except FileNotFoundError:
        return {}
    return told


def _identity(path: Path) -> list[int] | None:
    """Return what tells a file from another of its name, ``None`` if there is none."""
    try:
        seen = path.lstat()
    except OSError:
        return None
    return [seen.st_dev, seen.st_ino]
