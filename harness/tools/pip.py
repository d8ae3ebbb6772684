"""The ``pip`` command of the Python that runs the harness."""

import sys
from dataclasses import dataclass
from pathlib import Path

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Pip:
    """Installs wheels; index, mirror and certificates are those of the user's configuration."""

    shell: Shell

    def unpack(self, package: str, version: str, target: Path) -> None:
        """Put the files of one wheel into ``target``, without what it depends on."""
        self.shell.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"),
                *("--only-binary", ":all:", "--disable-pip-version-check", "--no-input"),
                *("--target", str(target), f"{package}=={version}"),
            ],
            timeout=900,
        ).checked()
