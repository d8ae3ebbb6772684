"""The ways to an agent's control port. Whoever has one can make a :class:`~.caller.Caller`."""

import json
from base64 import b64decode
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.kube import Answer, Kube, Manifest
from harness.model import ApiError, InterruptedAnswerError
from harness.probes import access, asking
from harness.providers.base import Machine

#: The agent's control port, which no sidecar intercepts.
CONTROL_PORT = 9001


class Transport(Protocol):
    """Carries requests to one agent's control port, with whatever lets them in."""

    def ask(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float = 30.0
    ) -> Answer:
        """Return what the agent answers, of any status.

        :class:`ApiError` if the agent was not reached; :class:`InterruptedAnswerError` if the
        way broke after it may have been, so that what was asked may have been done.
        """
        ...


@dataclass(frozen=True, slots=True)
class PodTransport:
    """The way to an agent in a pod: the API server's pod proxy, and the namespace's token."""

    kube: Kube
    namespace: str
    pod: str

    def ask(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float = 30.0
    ) -> Answer:
        """Ask with the token that is known, and once more if the namespace has a new one."""
        shown = access.token(self.kube, self.namespace)
        answer = self._ask(method, path, body, timeout, shown)
        if answer.status != 403:
            return answer
        fresh = access.token(self.kube, self.namespace, anew=True)
        return answer if fresh == shown else self._ask(method, path, body, timeout, fresh)

    def _ask(
        self, method: str, path: str, body: Manifest | None, timeout: float, token: str
    ) -> Answer:
        return self.kube.through_pod(
            self.pod,
            self.namespace,
            CONTROL_PORT,
            path,
            method=method,
            body=body,
            headers={access.HEADER: token},
            timeout=timeout,
        )


@dataclass(frozen=True, slots=True)
class MachineTransport:
    """The way to an agent on a machine: a program that asks it there, with its own token."""

    machine: Machine
    token: str = field(repr=False)

    def ask(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float = 30.0
    ) -> Answer:
        """Ask on the machine itself, by no network at all."""
        request = {
            "port": CONTROL_PORT,
            "method": method,
            "path": path,
            "headers": {access.HEADER: self.token},
            "body": None if body is None else json.dumps(body),
            "timeout": timeout,
        }
        argv = ["python3", "-I", "-S", "-c", _ASKING]
        outcome = self.machine.run(argv, stdin=json.dumps(request), timeout=timeout + 10)
        what = f"agent on {self.machine.name} {path}"
        if outcome.exit_code == asking.UNREACHED:
            raise ApiError(what, 0, outcome.stderr)
        if outcome.exit_code != 0:
            raise InterruptedAnswerError(what, 0, outcome.stderr)
        said = json.loads(outcome.stdout)
        return Answer(int(said["status"]), b64decode(said["body"]))


_ASKING = Path(asking.__file__).read_text(encoding="utf-8")
