"""A cluster on paper of which the pods' own ports answer."""

from abc import abstractmethod
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.kube import Answer, Kube, Manifest
from harness.probes.access import KEY, SECRET


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


#: What agents of every namespace want to see.
TOKEN = "mpt-of-a-cluster-on-paper"


class PodKube(Kube):
    """Hands every request to a pod to :meth:`answer`; knows no object but the agents' Secrets."""

    def get(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        assert (kind, name) == ("Secret", SECRET)
        return {"data": {KEY: b64encode(TOKEN.encode()).decode()}}

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
