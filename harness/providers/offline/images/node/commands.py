"""Run a short command to its end, where a whole module for that would cost start-up time."""

import os
from collections.abc import Sequence
from pathlib import Path


def run(argv: Sequence[str]) -> tuple[int, str]:
    """Return exit code (127: absent) and standard output; what it complains of is dropped."""
    inlet, outlet = os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, outlet, 1),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
    ]
    try:
        pid = os.posix_spawnp(argv[0], [*argv], os.environ, file_actions=actions)
    except OSError:
        os.close(inlet)
        return 127, ""
    finally:
        os.close(outlet)
    with os.fdopen(inlet, "rb") as output:
        said = output.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), said


def start(argv: Sequence[str], log: Path) -> int:
    """Start a program whose output is appended to ``log``; return its process id."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawnp(argv[0], [*argv], os.environ, file_actions=actions, setsid=True)
