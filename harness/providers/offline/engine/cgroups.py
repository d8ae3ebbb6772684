"""Control groups that an engine of ours leaves when it is killed: directories without a process."""

import os
from pathlib import Path

from harness.converge import Budget, NotConverged, eventually
from harness.model import MachineError

_ROOT = Path("/sys/fs/cgroup")
#: The kernel lets go of a group a moment after the last process in it.
_SOON = Budget(timeout=10.0, interval=0.02, firm=True)


def remove(name: str, root: Path = _ROOT) -> None:
    """Remove the groups called ``name`` from every hierarchy, with those beneath them."""
    try:
        eventually(
            lambda: _left(name, root), lambda left: not left, what="groups are gone", budget=_SOON
        )
    except NotConverged as error:
        raise MachineError(
            f"control groups of the engine cannot be removed: {error.last}",
            "end the processes in them",
        ) from error


def _left(name: str, root: Path) -> list[str]:
    """Remove what can be removed, innermost first; return what could not."""
    tops = [path for path in (root / name, *root.glob(f"*/{name}")) if path.is_dir()]
    inner = (Path(path) for top in tops for path, _, _ in os.walk(top, topdown=False))
    return [str(path) for path in inner if not _removed(path)]


def _removed(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
