"""The two programs that a node keeps alive, and what ``systemctl`` may ask about them."""

import os
import shlex
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .commands import start

SOCKET = Path("/run/containerd/containerd.sock")
KUBELET_CONFIG = Path("/var/lib/kubelet/config.yaml")
_FLAGS = Path("/var/lib/kubelet/kubeadm-flags.env")
_LOGS = Path("/var/log")
#: Seconds until a program that has ended is started again.
_AGAIN = 0.2
#: systemctl's exit code for "not running".
INACTIVE = 3


@dataclass(slots=True)
class Service:
    """A program that is to run while ``wanted``; ``pid`` is 0 while it does not.

    ``ready`` is a file that is there once the program serves.
    """

    name: str
    argv: Callable[[], Sequence[str]]
    ready: Path | None = None
    wanted: bool = False
    pid: int = 0
    due: float = 0.0

    def tend(self, now: float) -> float | None:
        """Start it if it is time to; return the seconds until it is, ``None`` for no need."""
        if not self.wanted or self.pid:
            return None
        if now >= self.due:
            self.pid = start(self.argv(), _LOGS / f"{self.name}.log")
            return None
        return self.due - now

    def ended(self, now: float) -> None:
        """Note that its process is gone."""
        self.pid = 0
        self.due = now + _AGAIN

    def end(self) -> None:
        """Ask its process to leave, if there is one."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
        if self.ready:
            self.ready.unlink(missing_ok=True)


def services() -> dict[str, Service]:
    """Return both; a node that is started again has its kubelet's configuration already."""
    kubelet = Service("kubelet", kubelet_argv, wanted=KUBELET_CONFIG.exists())
    containerd = Service("containerd", lambda: ["containerd"], ready=SOCKET, wanted=True)
    return {each.name: each for each in (containerd, kubelet)}


def kubelet_argv() -> list[str]:
    """Return the command with the flags that kubeadm wrote down.

    kind's configuration says that systemd keeps the groups; there is none in this node, and a
    flag outranks the file.
    """
    flags = _FLAGS.read_text() if _FLAGS.exists() else ""
    return [
        "kubelet",
        "--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf",
        "--kubeconfig=/etc/kubernetes/kubelet.conf",
        f"--config={KUBELET_CONFIG}",
        "--cgroup-driver=cgroupfs",
        *kubeadm_flags(flags),
    ]


def kubeadm_flags(text: str) -> list[str]:
    """Return the words of ``KUBELET_KUBEADM_ARGS`` in a file of shell variables."""
    for word in shlex.split(text):
        name, _, value = word.partition("=")
        if name == "KUBELET_KUBEADM_ARGS":
            return shlex.split(value)
    return []


def answer(known: dict[str, Service], verb: str, unit: str) -> tuple[int, str]:
    """Do what systemctl is asked for; return its exit code and what it prints."""
    service = known.get(unit.removesuffix(".service"))
    if verb in ("daemon-reload", "enable", "is-enabled"):
        return 0, "enabled" if verb == "is-enabled" else ""
    if service is None:
        return 5, f"Unit {unit} not found."
    if verb == "is-active":
        return (0, "active") if service.pid else (INACTIVE, "inactive")
    if verb not in ("start", "stop", "restart"):
        return 1, f"this node does not know the verb {verb}"
    service.wanted = verb != "stop"
    if verb != "start":
        service.end()
    service.due = time.monotonic()
    return 0, ""
