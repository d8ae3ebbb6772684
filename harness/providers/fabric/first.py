"""The first process of a machine: it says that it is up, and collects what ends there.

A program of its own (standard library only), run as process 1 of the machine's namespace.
"""

import os
import signal
from pathlib import Path

#: Is there once the machine has its own view of files.
UP = "/run/machine-is-up"


def main() -> None:
    """Collect until the machine ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    Path(UP).touch()
    while True:
        signal.sigwait({signal.SIGCHLD})
        _collect()


def _collect() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
