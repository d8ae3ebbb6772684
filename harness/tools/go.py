"""The ``go`` command, as far as programs are built from published modules with it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.converge import retried
from harness.model import ToolError
from harness.shell import Shell

#: How Go tells of a mirror that was there and let go, or was busy. Go itself asks only once.
_DROPPED = re.compile(
    r"connection reset by peer|unexpected EOF|TLS handshake timeout|INTERNAL_ERROR"
    r"|\b(429 Too Many Requests|50[0234] [A-Z])"
)


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

    def download(self, module: str) -> None:
        """Fetch the sources of a required module."""
        self._fetch("mod", "download", module)

    def edit(self, *flags: str) -> None:
        """Change ``go.mod`` by the flags of ``go mod edit``."""
        self._run("mod", "edit", *flags)

    def env(self, name: str) -> str:
        """Return one setting of the toolchain, such as ``GOCACHE``."""
        return self._run("env", name).strip()

    def get_tool(self, package: str) -> None:
        """Require a command (``PATH@VERSION``) as a tool of the main module."""
        self._fetch("get", "-tool", package)

    def init(self, module: str) -> None:
        """Begin a main module called ``module``."""
        self._run("mod", "init", module)

    def source(self, module: str) -> Path:
        """Return the directory of the (downloaded) sources of a required module."""
        return Path(self._run("list", "-m", "-f", "{{.Dir}}", module).strip())

    def tidy(self) -> None:
        """Complete ``go.mod`` and ``go.sum`` for what the main module names."""
        self._fetch("mod", "tidy")

    def version(self) -> str:
        """Return the version without its prefix, such as ``1.26.8``; empty if it is no Go."""
        outcome = self.shell.run([self.binary, "version"], env=self._settings())
        found = re.search(r"\bgo(\d+\.\d+[\w.]*)", outcome.stdout)
        return found[1] if outcome.exit_code == 0 and found else ""

    def _fetch(self, *words: str) -> None:
        """Run what asks a mirror: one connection of hundreds that breaks is not the end of it."""
        retried(lambda: self._run(*words), _dropped)

    def _run(self, *words: str) -> str:
        return self.shell.run([self.binary, *words], env=self._settings(), timeout=3600).checked()

    def _settings(self) -> Mapping[str, str]:
        settings = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off"}
        settings |= {"HOME": str(Path.home())}
        return settings | ({"GOTMPDIR": str(self.scratch)} if self.scratch else {})


def _dropped(error: BaseException) -> bool:
    return isinstance(error, ToolError) and _DROPPED.search(error.stderr) is not None


def new_enough(version: str, least: tuple[int, int]) -> bool:
    """Say whether a Go version such as ``1.26.8`` is at least ``least``."""
    found = re.match(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= least
