"""The ways to an agent's control port. Whoever has one can make a :class:`~.caller.Caller`."""

from dataclasses import dataclass
from typing import Protocol

from harness.kube import Answer, Kube, Manifest
from harness.probes import access

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
