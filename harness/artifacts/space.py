"""See that there is room for a build before it starts, not when the linker runs out of it."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.artifacts.home import home
from harness.artifacts.recipes import Component
from harness.model import MachineError


def needed(components: Sequence[Component]) -> int:
    """Return the megabytes that making ``components`` takes, Go's own caches included."""
    return sum(component.megabytes for component in components)


def free(place: Path) -> int:
    """Return the megabytes that this user may still write below ``place`` (it need not exist)."""
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free // 1_000_000


def places(environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where builds write: our cache, and the two caches of Go."""
    go = Path(environment.get("GOPATH", Path.home() / "go"))
    return [
        home(),
        Path(environment.get("GOCACHE", Path.home() / ".cache" / "go-build")),
        Path(environment.get("GOMODCACHE", go / "pkg" / "mod")),
    ]


def check(components: Sequence[Component]) -> None:
    """Raise :class:`MachineError` unless every place that builds write to has enough room."""
    need = needed(components)
    for place in places():
        if (room := free(place)) < need:
            lacks = f"{room / 1000:.1f} GB free for {place}, builds need {need / 1000:.1f} GB"
            remedy = "make room, or set MESHPROOF_HOME, GOCACHE and GOMODCACHE to a larger disk"
            raise MachineError(lacks, remedy)
