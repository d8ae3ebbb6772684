"""A cluster on paper of which the pods' own ports answer."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.kube import Answer, Kube, Manifest


@dataclass(frozen=True)
class Asked:
    """One request to a port of a pod."""

    method: str
    pod: str
    namespace: str
    port: int
    path: str
    body: Manifest | None
    timeout: float
    headers: Mapping[str, str] = field(default_factory=dict)


class PodKube(Kube):
    """Hands every request to a pod to :meth:`answer`."""

    @abstractmethod
    def answer(self, asked: Asked) -> Answer: ...

    def through_pod(
        self,
        pod: str,
        namespace: str,
        port: int,
        path: str,
        *,
        method: str = "GET",
        body: Manifest | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Answer:
        return self.answer(Asked(method, pod, namespace, port, path, body, timeout, headers or {}))
