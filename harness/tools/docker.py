"""The ``docker`` command, for what its SDK cannot do or does in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.shell import Shell

#: Seconds for gigabytes to pass.
_PATIENCE = 900


@dataclass(frozen=True, slots=True)
class Docker:
    """The command; ``environment`` names the engine that it talks to."""

    shell: Shell
    environment: Mapping[str, str] = field(default_factory=dict)

    def load(self, path: Path) -> str:
        """Load the images of an archive; return what the engine says."""
        return self._run("load", "--input", str(path))

    def save(self, names: Sequence[str], path: Path) -> None:
        """Write images to one archive."""
        self._run("save", "--output", str(path), *names)

    def _run(self, *words: str) -> str:
        command = ["docker", *words]
        return self.shell.run(command, env=self.environment, timeout=_PATIENCE).checked()
