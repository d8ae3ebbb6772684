"""The ``go`` command, as far as programs are built from published modules with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.shell import Shell


@dataclass(frozen=True, slots=True)
class Go:
    """One Go toolchain; ``shell`` runs it in the directory of the main module.

    ``scratch`` takes the temporary files of the linker, so that a build that is killed leaves
    them where they are swept.
    """

    binary: str
    shell: Shell
    scratch: Path | None = None

    def build(self, packages: Sequence[str], *, output: str, ldflags: str) -> None:
        """Build static commands into ``output`` (a directory if it ends in ``/``)."""
        self._run("build", "-trimpath", "-ldflags", ldflags, "-o", output, *packages)

    def edit(self, *flags: str) -> None:
        """Change ``go.mod`` by the flags of ``go mod edit``."""
        self._run("mod", "edit", *flags)

    def env(self, name: str) -> str:
        """Return one setting of the toolchain, such as ``GOCACHE``."""
        return self._run("env", name).strip()

    def get_tool(self, package: str) -> None:
        """Require a command (``PATH@VERSION``) as a tool of the main module."""
        self._run("get", "-tool", package)

    def init(self, module: str) -> None:
        """Begin a main module called ``module``."""
        self._run("mod", "init", module)

    def source(self, module: str) -> Path:
        """Return the directory of the (downloaded) sources of a required module."""
        return Path(self._run("list", "-m", "-f", "{{.Dir}}", module).strip())

    def tidy(self) -> None:
        """Complete ``go.mod`` and ``go.sum`` for what the main module names."""
        self._run("mod", "tidy")

    def version(self) -> str:
        """Return the version without its prefix, such as ``1.26.8``; empty if it is no Go."""
        outcome = self.shell.run([self.binary, "version"], env=self._settings())
        found = re.search(r"\bgo(\d+\.\d+[\w.]*)", outcome.stdout)
        return found[1] if outcome.exit_code == 0 and found else ""

    def _run(self, *words: str) -> str:
        return self.shell.run([self.binary, *words], env=self._settings(), timeout=3600).checked()

    def _settings(self) -> Mapping[str, str]:
        settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        settings |= {"HOME": str(Path.home())}
        return settings | ({"GOTMPDIR": str(self.scratch)} if self.scratch else {})


def new_enough(version: str, least: tuple[int, int]) -> bool:
    """Say whether a Go version such as ``1.26.8`` is at least ``least``."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= least
