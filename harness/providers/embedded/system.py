"""Which of the machine's own programs a lab uses: exactly which file, of which version."""

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from harness.model import Program
from harness.shell import LocalShell, Shell

_VERSION = re.compile(r"\d+(\.\d+)+")
#: Programs that say their version by another option than ``--version``.
_OPTIONS = {"ip": "-V"}


def system_programs(
    names: Sequence[str],
    find: Callable[[str], str | None],
    shell: Shell | None = None,
) -> tuple[Program, ...]:
    """Return what is known of ``names``, as ``find`` locates them; absent ones are left out."""
    found = ((name, find(name)) for name in sorted(names))
    return tuple(
        _described(name, path, shell or LocalShell()) for name, path in found if path is not None
    )


def _described(name: str, path: str, shell: Shell) -> Program:
    # Asked by the name that is used: some files are many programs.
    asked = shell.run([path, _OPTIONS.get(name, "--version")], timeout=10)
    version = _VERSION.search(asked.stdout + asked.stderr)
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Program(
        name=Path(name).name,
        version=version[0] if version and asked.exit_code == 0 else "",
        source="system",
        sha256=digest,
        note=str(Path(path).resolve()),
    )
