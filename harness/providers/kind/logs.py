"""What the nodes of a lab say: their consoles, their kubelets, their packet filters."""

import json
from collections import ChainMap
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from docker import DockerClient
from docker.errors import DockerException
from requests.exceptions import RequestException

from harness.converge import concurrently
from harness.model import Lab
from harness.providers.fabric.evidence import gathered
from harness.providers.fabric.state import LOG_TAIL, State
from harness.providers.kind.containers import ContainerShell, said
from harness.providers.kind.spec import KindSpec
from harness.shell import tail as last_lines

_LINES = 2000
#: A service's log, wherever a node image keeps it: with systemd in its journal.
_SERVICE = (
    'if [ -f /var/log/$0.log ]; then tail -c "$1" /var/log/$0.log; '
    'else journalctl --no-pager --unit $0 --lines "$2"; fi'
)
_FABRIC = "ip -brief address; ip route; iptables-save -c"


def evidence(lab: Lab) -> dict[str, str]:
    """Return file names and redacted contents; what is gone already is simply not there."""

    def look(place: State) -> dict[str, str]:
        spec = KindSpec.read(place)
        with closing(spec.engine.client()) as client:
            told = concurrently(lambda node: _node(client, *node), [*spec.containers.items()])
        return dict(ChainMap(*told))

    silent = (OSError, ValueError, DockerException, RequestException)
    return gathered(lab, look, silent=silent, otherwise="engine.txt")


def tail(client: DockerClient, container: str, lines: int = 12) -> str:
    """Return the end of what a node said when it did not come up, without secrets."""
    shell = ContainerShell(client, container)
    parts = {"console": _console(client, container)}
    for service in ("kubelet", "containerd"):
        parts[service] = shell.run(_service(service), timeout=10).stdout
    return "\n".join(
        f"-- {container} {part}:\n" + last_lines(text, lines)
        for part, text in parts.items()
        if text.strip()
    )


def _node(client: DockerClient, node: str, container: str) -> dict[str, str]:
    found = {
        f"{node}-console.log": _console(client, container),
        f"{node}-container.json": _description(client, container),
    }
    shell = ContainerShell(client, container)
    for name, argv in _commands():
        outcome = shell.run(argv, timeout=20)
        found[f"{node}-{name}"] = outcome.stdout + outcome.stderr
    return found


def _commands() -> Iterator[tuple[str, list[str]]]:
    yield "kubelet.log", _service("kubelet")
    yield "containerd.log", _service("containerd")
    yield "fabric.txt", ["sh", "-c", _FABRIC]


def _service(name: str) -> list[str]:
    return ["sh", "-c", _SERVICE, name, str(LOG_TAIL), str(_LINES)]


def _console(client: DockerClient, container: str) -> str:
    try:
        text: bytes = client.containers.get(container).logs(tail=_LINES)
    except (DockerException, RequestException) as error:
        return f"{said(error)}\n"
    return text.decode(errors="replace")


def _description(client: DockerClient, container: str) -> str:
    """Return what the engine knows of a container, without its environment."""
    try:
        known: dict[str, Any] = client.containers.get(container).attrs
    except (DockerException, RequestException) as error:
        return f"{said(error)}\n"
    known.get("Config", {}).pop("Env", None)
    return json.dumps(known, indent=1) + "\n"
