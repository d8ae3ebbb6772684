"""Containers and networks of one lab on an engine: made with its labels, removed by them."""

import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import APIError, DockerException, NotFound
from docker.types import IPAMConfig, IPAMPool
from requests.exceptions import RequestException

from harness.converge import Budget, NotConverged, concurrently, eventually
from harness.model import MachineError
from harness.providers.fabric.state import State
from harness.providers.kind.naming import LAB_LABEL, STATE_LABEL
from harness.providers.kind.networks import NetworkSpec
from harness.shell import Outcome, redact

#: Exit code of a command that the engine did not run, as of the ``docker`` command.
NOT_RUN = 125
#: What the engine says in the place of a program that it could not start.
_REFUSED = "OCI runtime exec failed"
#: How often nothing must be left in a row. The engine finishes what it was asked for, also when
#: who asked is gone: where something was still being made, that takes longer.
_GONE = Budget(timeout=90.0, interval=0.1, successes=2, firm=True)
_SETTLED = Budget(timeout=90.0, interval=0.2, successes=15, firm=True)


class NotRunning(MachineError):  # noqa: N818 - what it says
    """The engine does not run anything in a container: it is not there yet, or no more."""


def labels(place: State) -> dict[str, str]:
    """Return the labels of everything that belongs to the lab at ``place``."""
    return {LAB_LABEL: place.id, STATE_LABEL: f"{_owner(place.path.parent)}{place.id}"}


def _owner(base: Path) -> str:
    """Return what tells this directory of labs from every other of its path.

    Containers may share the machine's name, the account and the engine, but not ``/tmp``.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    seen = base.stat()
    return f"{socket.gethostname()}/{boot}/{seen.st_dev:x}-{seen.st_ino:x}:{base}/"


@dataclass(frozen=True, slots=True)
class ContainerShell:
    """Runs programs in a container (which must have coreutils and a shell)."""

    client: DockerClient
    container: str

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120.0,
    ) -> Outcome:
        """Run ``argv`` to completion; 125 if the engine does not run it, 124 if it is too slow."""
        shown = tuple(redact(word) for word in argv)
        command = ["timeout", "--kill-after=2", f"{timeout:g}", *argv]
        if stdin is not None:
            command = ["sh", "-c", 'printf %s "$0" | "$@"', stdin, *command]
        api = self.client.api
        try:
            begun = api.exec_create(self.container, command, environment=dict(env or {}))
            out, err = api.exec_start(begun["Id"], demux=True)
            code = api.exec_inspect(begun["Id"])["ExitCode"]
        except (DockerException, RequestException) as error:
            return Outcome(shown, NOT_RUN, "", redact(said(error)))
        stdout, stderr = ((part or b"").decode(errors="replace") for part in (out, err))
        return Outcome(shown, int(code), stdout, redact(stderr))

    def script(self, text: str, *, what: str, timeout: float = 60.0) -> str:
        """Run a script that ends with its first failure, a :class:`ToolError` that says ``what``.

        Returns what it printed.
        """
        outcome = self.run(["sh", "-ec", text], timeout=timeout)
        refused = outcome.exit_code == NOT_RUN or outcome.stdout.startswith(_REFUSED)
        if refused or (outcome.exit_code != 0 and not self._runs()):
            raise NotRunning(f"{what} in {self.container}: {outcome.stderr or outcome.stdout}")
        return replace(outcome, argv=(what, "in", self.container)).checked()

    def _runs(self) -> bool:
        try:
            return bool(self.client.containers.get(self.container).status == "running")
        except (DockerException, RequestException):
            return False


def make_network(client: DockerClient, spec: NetworkSpec, marks: Mapping[str, str]) -> None:
    """Make a network; :class:`MachineError` if its range or its name is taken."""
    pool = IPAMPool(subnet=spec.subnet, gateway=spec.gateway or None)
    try:
        client.networks.create(
            spec.name,
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[pool]),
            options=spec.options,
            labels=dict(marks),
            check_duplicate=True,
        )
    except DockerException as error:
        raise MachineError(
            f"the engine does not make network {spec.name} ({spec.subnet}): {said(error)}",
            "run it again if another lab was raised at the same moment, or choose another cidr",
        ) from error


def connect(client: DockerClient, network: str, container: str, address: str) -> None:
    """Give a container a leg on another network."""
    try:
        client.networks.get(network).connect(container, ipv4_address=address)
    except DockerException as error:
        raise MachineError(f"{container} cannot be connected: {said(error)}") from error


def run_helper(
    client: DockerClient,
    name: str,
    image: str,
    command: Sequence[str],
    marks: Mapping[str, str],
    **more: Any,
) -> str:
    """Start a container of ours that is no node; return its name."""
    try:
        client.containers.run(
            image, entrypoint=list(command), name=name, detach=True, labels=dict(marks), **more
        )
    except (DockerException, RequestException) as error:
        raise MachineError(f"container {name} does not start: {said(error)}") from error
    return name


def owned(client: DockerClient, name: str, lab: str) -> bool:
    """Say whether there is a container of this name, and it is the lab's."""
    try:
        return bool(client.containers.get(name).labels.get(LAB_LABEL) == lab)
    except NotFound:
        return False


def remove(client: DockerClient, name: str) -> None:
    """Remove a container with its volumes, in whatever state it is."""
    with suppress(NotFound):
        container = client.containers.get(name)
        if container.status == "paused":
            with suppress(APIError):
                container.unpause()
        container.remove(force=True, v=True)


def sweep(client: DockerClient, lab: str, *, disturbed: bool = False) -> None:
    """Remove everything that carries the lab's label, until nothing more turns up.

    ``disturbed``: something was being made a moment ago.

    :class:`MachineError` names what cannot be removed.
    """
    try:
        eventually(
            lambda: _swept(client, lab),
            lambda found: not found,
            what=f"nothing is left of lab {lab} on the engine",
            budget=_SETTLED if disturbed else _GONE,
        )
    except NotConverged as error:
        raise MachineError(str(error), "remove what it names by the docker command") from error


def _swept(client: DockerClient, lab: str) -> list[str]:
    """Remove what is there; return what was, or what could not be removed yet."""
    try:
        return _removed(client, {"label": f"{LAB_LABEL}={lab}"})
    except (APIError, RequestException) as error:  # it may be gone by the next look
        return [said(error)]


def _removed(client: DockerClient, mine: dict[str, str]) -> list[str]:
    containers = client.containers.list(all=True, filters=mine, ignore_removed=True)
    found = [str(container.name) for container in containers]
    if found:
        concurrently(lambda name: _tried(lambda: remove(client, name)), found)
    networks = client.networks.list(filters=mine)
    for network in networks:
        _tried(network.remove)
    return [*found, *(str(network.name) for network in networks)]


def _tried(work: Any) -> None:
    """Do what an engine may refuse for a moment; who calls it looks again."""
    with suppress(APIError, RequestException):
        work()


def leftovers(client: DockerClient, base: Path) -> set[str]:
    """Return labs below ``base`` of which something is on the engine, but whom nobody holds.

    What was made in another place of the same path is not known here, and left alone.
    """
    here = _owner(base)
    marked = {"label": STATE_LABEL}
    found = [
        *(each.labels for each in client.containers.list(all=True, filters=marked)),
        *(each.attrs.get("Labels") or {} for each in client.networks.list(filters=marked)),
    ]
    ids = {each[LAB_LABEL] for each in found if each[STATE_LABEL].startswith(here)}
    places = (State(base / each) for each in ids)
    return {each.id for each in places if not each.path.exists() or each.abandoned()}


def said(error: Exception) -> str:
    """Return what an engine said, in a sentence."""
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip()
