"""Fill containerd's store, once, when a node image is made: run inside the image to be.

The images that come in hold one marker each per layer; what a layer really holds lies in the
node image already, and the snapshot of the marker becomes a link to it. So a gigabyte is
neither copied nor hashed, nothing has to be unpacked in a cluster, and all clusters read the
same files.
"""

import os
import select
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .commands import run, start

#: A file system on which overlays can be made; where containerd looks; where layers lie.
SCRATCH, STORE, LAYERS = Path("/store"), Path("/var/lib/containerd"), Path("/opt/layers")
ARCHIVE = Path("/opt/images.tar")
MARKER = ".layer"
_LOG = Path("/run/containerd.log")
_SOCKET = Path("/run/containerd/containerd.sock")
_SNAPSHOTS = "io.containerd.snapshotter.v1.overlayfs/snapshots"
_CTR = ("ctr", "--namespace", "k8s.io")


def main() -> int:
    """Import the archive and move the store to its place; returns the exit code."""
    pid = start(["containerd", "--root", str(SCRATCH)], _LOG)
    try:
        _serving(pid)
        _do([*_CTR, "images", "import", str(ARCHIVE)])
        names = _do([*_CTR, "images", "ls", "-q"]).split()
        for name in names:
            _do([*_CTR, "images", "label", name, "io.cri-containerd.pinned=pinned"])
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
    link(SCRATCH / _SNAPSHOTS, LAYERS)
    for left in ("tmpmounts", "io.containerd.content.v1.content/ingest"):
        shutil.rmtree(SCRATCH / left, ignore_errors=True)
    shutil.rmtree(STORE, ignore_errors=True)
    shutil.copytree(SCRATCH, STORE, symlinks=True)
    ARCHIVE.unlink()
    sys.stdout.write("\n".join(names) + "\n")
    return 0


def link(snapshots: Path, layers: Path) -> None:
    """Make each snapshot of a marker a link to the layer that the marker names."""
    for snapshot in snapshots.iterdir():
        name = (snapshot / "fs" / MARKER).read_text().split()[0]
        shutil.rmtree(snapshot / "fs")
        (snapshot / "fs").symlink_to(layers / name)


def _serving(pid: int) -> None:
    """Wait for containerd; a :class:`SystemExit` with its log if it ends or takes too long."""
    for _ in range(600):
        if _SOCKET.exists() and run([*_CTR, "version"])[0] == 0:
            return
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break  # it is collected by whoever started it: until then its number is nobody else's
        select.select([], [], [], 0.05)
    sys.exit(f"containerd does not serve: {_LOG.read_text()[-2000:]}")


def _do(argv: Sequence[str]) -> str:
    code, said = run(argv)
    if code != 0:
        sys.exit(f"{' '.join(argv)} exited {code}: {said} {_LOG.read_text()[-2000:]}")
    return said
