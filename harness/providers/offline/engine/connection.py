"""An engine as data, and the one question that is put to an engine before anything else.

The question goes through the standard library: it is asked in places where loading the Docker
SDK would take longer than the answer.
"""

import http.client
import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    import docker

#: The variable by which the ``docker`` and ``kind`` commands, and a user, name an engine.
HOST_VARIABLE = "DOCKER_HOST"
_SOCKET = "unix://"
#: Seconds for the question: an engine that is there answers it in milliseconds.
_PATIENCE = 2.0


@dataclass(frozen=True, slots=True)
class Engine:
    """A container engine that answered.

    ``pid`` is PID 1 of our own engine's namespace tree as this machine numbers it, ``None``
    for an engine that was there already.
    """

    url: str
    pid: int | None
    version: str
    api: str

    def client(self) -> "docker.DockerClient":
        """Return a client of the Docker SDK, which the caller closes."""
        import docker

        if self.url == os.environ.get(HOST_VARIABLE):  # with its certificates, if it has any
            return docker.from_env(timeout=120)
        return docker.DockerClient(base_url=self.url, timeout=120)

    def environment(self) -> dict[str, str]:
        """Return what the ``docker`` and ``kind`` commands need to use exactly this engine."""
        return {HOST_VARIABLE: self.url, "DOCKER_CONTEXT": ""}

    def inside(self) -> tuple[str, ...]:
        """Return the prefix that runs a program in the engine's network and mount namespaces.

        Empty for an engine that is not ours. A program behind it sees the engine's links and
        rules and its own ``/run``; files elsewhere are this machine's. It is not a child of
        the engine's PID 1: its starter ends it.
        """
        if self.pid is None:
            return ()
        return ("nsenter", f"--target={self.pid}", "--mount", "--net", "--")


@dataclass(frozen=True, slots=True)
class Answer:
    """What an engine said of itself, or in ``trouble`` why it said nothing."""

    version: str = ""
    api: str = ""
    kind: str = ""
    trouble: str = ""
    forbidden: bool = False

    @property
    def ok(self) -> bool:
        """Whether an engine answered."""
        return bool(self.version)

    def __str__(self) -> str:
        return self.version or self.trouble


def ask(url: str, timeout: float = _PATIENCE) -> Answer:
    """Ask the engine at ``url`` what it is; trouble is an answer, not an exception."""
    try:
        told = _over_socket(url, timeout) if url.startswith(_SOCKET) else _by_client(timeout)
        return _understood(told)
    except PermissionError as error:
        return Answer(trouble=str(error), forbidden=True)
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(trouble=str(error) or type(error).__name__)


def socket_path(url: str) -> str:
    """Return the path of an engine's Unix socket, empty if it is reached in another way."""
    return url.removeprefix(_SOCKET) if url.startswith(_SOCKET) else ""


def is_elsewhere(url: str) -> bool:
    """Say whether an engine is on another host, by its address alone."""
    if socket_path(url):
        return False
    parts = urlsplit(url)
    return parts.scheme == "ssh" or not _is_here(parts.hostname or "")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _understood(told: Mapping[str, object]) -> Answer:
    parts = told.get("Components")
    first = parts[0] if isinstance(parts, list) and parts else {}
    return Answer(
        version=str(told.get("Version", "")),
        api=str(told.get("ApiVersion", "")),
        kind=str(first.get("Name", "")) if isinstance(first, dict) else "",
    )


def _over_socket(url: str, timeout: float) -> Mapping[str, object]:
    connection = http.client.HTTPConnection("engine", timeout=timeout)
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(timeout)
        wire.connect(socket_path(url))
        connection.sock = wire
        connection.request("GET", "/version")
        answer = connection.getresponse()
        return _mapping(json.loads(answer.read()))


def _by_client(timeout: float) -> Mapping[str, object]:
    """Ask over TCP or SSH, where ``DOCKER_HOST`` and its certificates say how."""
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=timeout)
    except DockerException as error:
        raise OSError(str(error)) from error
    try:
        return _mapping(client.version())
    except DockerException as error:
        raise OSError(str(error)) from error
    finally:
        client.close()


def _mapping(told: object) -> Mapping[str, object]:
    if not isinstance(told, dict):
        raise ValueError("what answers there is not a container engine")  # noqa: TRY004 - caught
    return told
