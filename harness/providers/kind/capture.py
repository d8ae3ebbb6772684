"""Recording what passes between the nodes of a lab: a helper container beside each node."""

import io
import tarfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from secrets import token_hex

from docker import DockerClient
from docker.errors import NotFound

from harness.converge import Budget, NotConverged, concurrently, eventually
from harness.model import MachineError
from harness.providers.fabric import sniffer
from harness.providers.kind.containers import run_helper
from harness.providers.kind.spec import KindSpec

_FILE = "/run/recorded.pcap"
_SOON = Budget(timeout=20.0, interval=0.02, firm=True)


def helpers(spec: KindSpec) -> Mapping[str, str]:
    """Return the name of a helper yet to be started, by its node."""
    mark = token_hex(3)
    return {node: spec.names.helper(f"sniffer-{mark}-{node}") for node in spec.containers}


def start(
    client: DockerClient, spec: KindSpec, marks: Mapping[str, str], helpers: Mapping[str, str]
) -> None:
    """Start listening at every node, by helpers of these names.

    They take what leaves a node: so each packet is seen once, and even if nobody gets it.
    """
    legs = ["eth0", *(["eth1"] if spec.transit else [])]
    code = Path(sniffer.__file__).read_text("utf-8")
    command = ["python3", "-I", "-S", "-c", code, _FILE, "out", *legs]

    def beside(helper: tuple[str, str]) -> None:
        node, name = helper
        run_helper(
            client,
            name,
            spec.helper,
            command,
            marks,
            network_mode=f"container:{spec.containers[node]}",
            cap_add=["NET_ADMIN", "NET_RAW"],
        )

    concurrently(beside, [*helpers.items()])


def readers(client: DockerClient, helpers: Sequence[str]) -> Sequence[Callable[[], bytes]]:
    """Return what reads each helper's recording so far; waits until all have begun."""
    found = [partial(_recorded, client, name) for name in helpers]
    try:
        eventually(
            lambda: [read() for read in found],
            all,
            what="the capture has begun",
            budget=_SOON,
        )
    except NotConverged as error:
        raise MachineError(f"a helper does not record: {', '.join(helpers)}") from error
    return found


def _recorded(client: DockerClient, helper: str) -> bytes:
    try:
        stream, _ = client.containers.get(helper).get_archive(_FILE)
    except NotFound:
        return b""
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        files = (archive.extractfile(member) for member in archive)
        return b"".join(file.read() for file in files if file)
