#!/usr/bin/python3 -ISB
"""The ``systemctl`` of a node: passes the verb on to process 1, and waits for a restart."""

import os
import select
import socket
import sys

_CONTROL = "/run/meshproof-node.sock"
_CONTAINERD = "/run/containerd/containerd.sock"
#: Looks for a socket that comes back, fifty milliseconds apart.
_LOOKS = 400


def main() -> int:
    """Ask process 1; return the exit code that it says."""
    verb, unit = ([word for word in sys.argv[1:] if not word.startswith("-")] + ["", ""])[:2]
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(_CONTROL)
        asked.sendall(f"{verb} {unit}".encode())
        code, _, text = asked.recv(4096).decode().partition(" ")
    if text and "-q" not in sys.argv and "--quiet" not in sys.argv:
        sys.stdout.write(text + "\n")
    if verb in ("start", "restart") and unit.startswith("containerd"):
        for _ in range(_LOOKS):
            if os.access(_CONTAINERD, os.F_OK):
                break
            select.select([], [], [], 0.05)
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
