"""The ``pip`` command of the Python that runs the harness."""

import sys
from dataclasses import dataclass
from pathlib import Path

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Pip:
    """Installs wheels; index, mirror and certificates are those of the user's configuration."""

    shell: Shell

    def unpack(self, named: str, target: Path, *, sha256: str) -> None:
        """Put the files of one wheel (``NAME==VERSION``) into ``target``, without what it needs.

        pip refuses every file with another hash. What was asked of it stays beside ``target``.
        """
        asked = target.with_name(f"{target.name}.txt")
        asked.write_text(f"{named} --hash=sha256:{sha256}\n")
        self.shell.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"),
                *("--only-binary", ":all:", "--disable-pip-version-check", "--no-input"),
                *("--target", str(target), "--require-hashes", "--requirement", str(asked)),
            ],
            timeout=900,
        ).checked()
