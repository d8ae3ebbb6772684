"""What the process that holds a lab is given by the one that raises it."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import harness
from harness.model import NetworkPlan


@contextmanager
def listeners(plan: NetworkPlan) -> Iterator[Mapping[str, socket.socket]]:
    """Listen once per API server, here on the machine; the lab inherits the sockets."""
    found: dict[str, socket.socket] = {}
    try:
        for cluster in plan.clusters:
            found[cluster.name] = socket.create_server(("127.0.0.1", 0), backlog=256)
        yield found
    finally:
        for listener in found.values():
            listener.close()


@contextmanager
def owner(*, keep: bool) -> Iterator[int | None]:
    """Hold a descriptor of this very process, by which the lab's holder sees it end."""
    if keep:
        yield None
        return
    descriptor = os.pidfd_open(os.getpid())
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def environment(search_path: str) -> dict[str, str]:
    """Return the environment of the holder: this one's search paths and nothing personal."""
    source = str(Path(harness.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH", "")]))
    return {"HOME": "/", "LANG": "C.UTF-8", "PATH": search_path, "PYTHONPATH": paths}
