"""Making the ground of a lab: its own file system, its wires, its rules."""

from pathlib import Path

from harness.providers.embedded.processes import shell_in
from harness.providers.embedded.spec import LabSpec, Namespace
from harness.shell import LocalShell
from harness.tools.ip import Ip
from harness.tools.iptables import Iptables


def build(spec: LabSpec) -> None:
    """Make the lab's own file system, its wires and rules. Raises :class:`ToolError`."""
    here = LocalShell()
    here.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", "/run"]).checked()
    for directory in spec.directories:
        Path(directory).mkdir(parents=True, exist_ok=True)
    Ip(here).batch(["link set lo up", *spec.links])
    for namespace in spec.namespaces:
        _furnish(namespace)


def _furnish(namespace: Namespace) -> None:
    inside = shell_in(namespace.name)
    settings = [f"{key}={value}" for key, value in namespace.sysctls.items()]
    inside.run(["sysctl", "-e", "-q", "-w", *settings]).checked()
    Ip(inside).batch(namespace.ip)
    Iptables(inside).restore(namespace.tables)
