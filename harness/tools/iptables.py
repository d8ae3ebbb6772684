"""Packet filter rules by ``iptables``."""

from dataclasses import dataclass

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Iptables:
    """The packet filter of one network namespace (the shell decides which)."""

    shell: Shell

    def restore(self, tables: str) -> None:
        """Load ``tables`` (in the format of ``iptables-save``) at once, replacing those named."""
        self.shell.run(["iptables-restore", "-w"], stdin=tables).checked()

    def save(self) -> str:
        """Return all rules with their counters."""
        return self.shell.run(["iptables-save", "-c"]).checked()
