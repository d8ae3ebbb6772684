"""Files that an engine writes outside its data, wherever it is told to keep them."""

import json
from contextlib import suppress
from pathlib import Path

#: A key that only names the engine, and directories for plug-ins; contents before containers.
_WRITTEN = (
    "etc/docker/key.json",
    "etc/docker",
    "opt/containerd/bin",
    "opt/containerd/lib",
    "opt/containerd",
)


def note(memory: Path, root: Path = Path("/")) -> None:
    """Write to ``memory`` which of them are not there yet."""
    memory.write_text(json.dumps([name for name in _WRITTEN if not (root / name).exists()]))


def erase(memory: Path, root: Path = Path("/")) -> None:
    """Remove what ``memory`` says was not there; directories that others filled stay."""
    if not memory.exists():
        return
    for name in json.loads(memory.read_text()):
        path = root / name
        with suppress(OSError):
            path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
