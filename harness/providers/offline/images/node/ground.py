"""Make a container look like the machine that a kubelet expects: mounts, groups, settings."""

import os
import uuid
from pathlib import Path

from .commands import run

GROUPS = Path("/sys/fs/cgroup")
#: The group below which kind tells kubelets to put pods.
PODS = "kubelet"
_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/route_localnet": "1",
    "net/ipv4/conf/all/arp_ignore": "0",
}


def prepare() -> None:
    """Do all of it; what a kernel does not let a container have is left as it is."""
    run(["mount", "--make-rshared", "/"])
    run(["mount", "-o", "remount,ro", "/sys"])
    run(["mount", "-o", "remount,rw", str(GROUPS)])
    if unified():
        hand_down(GROUPS)
    else:
        open_hierarchies(GROUPS)
    for name, value in _SETTINGS.items():
        write(Path("/proc/sys", name), value)
    write(Path("/etc/machine-id"), uuid.uuid4().hex + "\n")
    Path("/var/log").mkdir(parents=True, exist_ok=True)


def unified(groups: Path = GROUPS) -> bool:
    """Say whether there is one hierarchy of control groups (version 2)."""
    return (groups / "cgroup.controllers").exists()


def hand_down(groups: Path) -> None:
    """Give the pods' group every controller; first no process may be in the root itself."""
    own, pods = groups / "init", groups / PODS
    own.mkdir(exist_ok=True)
    pods.mkdir(exist_ok=True)
    for pid in (groups / "cgroup.procs").read_text().split():
        write(own / "cgroup.procs", pid)
    for controller in (groups / "cgroup.controllers").read_text().split():
        write(groups / "cgroup.subtree_control", f"+{controller}")
        write(pods / "cgroup.subtree_control", f"+{controller}")


def open_hierarchies(groups: Path) -> None:
    """Make the pods' group in every hierarchy, with the processors and memory of its parent."""
    for hierarchy in groups.iterdir():
        if hierarchy.is_symlink() or not hierarchy.is_dir():
            continue
        pods = hierarchy / PODS
        try:
            pods.mkdir(exist_ok=True)
        except OSError:
            continue
        for name in ("cpuset.cpus", "cpuset.mems"):
            if (hierarchy / name).exists():
                write(pods / name, (hierarchy / name).read_text())


def write(path: Path, text: str) -> None:
    """Write to a file of the kernel, which may refuse."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    except OSError:
        return
    try:
        os.write(handle, text.encode())
    except OSError:
        pass
    finally:
        os.close(handle)
