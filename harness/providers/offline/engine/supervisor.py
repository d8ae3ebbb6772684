"""PID 1 of our own engine's tree: starts dockerd, collects orphans, and ends it by ending.

Run as ``python -m harness.providers.offline.engine.supervisor DIRECTORY DESCRIPTOR`` in namespaces
of its own. It waits for a byte on DESCRIPTOR, which says that its starter knows of it; if that
ends before, so does this.
"""

import os
import signal
import sys
from pathlib import Path

from harness import shell
from harness.model import ToolError
from harness.phases import to_stderr
from harness.providers.offline.engine import daemon
from harness.providers.offline.engine.engine_dir import EngineDir
from harness.shell import LocalShell

#: Sockets and mounts of a host's engine lie in /run, and so would ours.
_GROUND = (
    ("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"),
    ("ip", "link", "set", "lo", "up"),
)


def main() -> None:
    """Serve until dockerd ends; then the kernel ends whatever else there is."""
    directory, told = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if not os.read(int(told), 1):
        raise SystemExit(1)
    os.close(int(told))
    try:
        for argv in _GROUND:
            LocalShell().run(argv).checked()
        command = daemon.command(EngineDir(Path(directory)))
        running = shell.start("dockerd", command, output=sys.stdout.buffer)
    except ToolError as error:
        to_stderr(str(error))
        raise SystemExit(1) from None
    signal.signal(signal.SIGTERM, lambda *_: os.kill(running.pid, signal.SIGTERM))
    raise SystemExit(_collected(running.pid))


def _collected(daemon: int) -> int:
    """Collect whatever ends until the daemon does; return its exit code."""
    while True:
        pid, state = os.wait()
        if pid == daemon:
            return os.waitstatus_to_exitcode(state)


if __name__ == "__main__":
    main()
