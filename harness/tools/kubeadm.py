"""The ``kubeadm`` command, as far as it is asked anything outside of nodes."""

from dataclasses import dataclass
from pathlib import Path

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Kubeadm:
    """One build of kubeadm."""

    binary: Path
    shell: Shell

    def images(self, version: str) -> list[str]:
        """Return the images that a cluster of this version runs."""
        asked = ["config", "images", "list", "--kubernetes-version", f"v{version}"]
        return self.shell.run([str(self.binary), *asked]).checked().split()
