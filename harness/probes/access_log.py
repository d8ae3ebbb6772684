"""Access logs of proxies: one JSON object per request or connection."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from harness.meshes.base import ACCESS_LOG
from harness.probes.cluster_view import ClusterView


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One request (or connection, then without path) as a proxy logged it (``ACCESS_LOG``).

    ``peer`` is the address and port that the connection really came from, ``upstream_host``
    those it went on to; ``downstream_peer`` and ``upstream_peer`` are the URIs in the
    certificates of either side (empty without mutual TLS).
    """

    path: str
    method: str
    authority: str
    peer: str
    downstream_peer: str
    upstream_peer: str
    upstream_host: str
    upstream_cluster: str
    sni: str
    request_id: str
    response_code: int
    response_flags: str

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """Read a log line; Envoy says null for what there is not, and ends clusters with ``;``."""
        words = {key: str(said.get(key) or "").rstrip(";") for key in _WORDS}
        return cls(**words, response_code=int(said.get("response_code") or 0))

    @property
    def peer_address(self) -> str:
        """The address of ``peer``."""
        return self.peer.rpartition(":")[0]

    @property
    def upstream_address(self) -> str:
        """The address of ``upstream_host``."""
        return self.upstream_host.rpartition(":")[0]


_WORDS = ACCESS_LOG.keys() - {"response_code"}


def entries(site: ClusterView, pod: str, namespace: str, *, tail: int = 5000) -> list[LogEntry]:
    """Return the access log of a proxy, oldest first, of its last ``tail`` lines.

    Proxies write their logs about once a second: wait for an entry, do not look once.
    """
    return parse(site.kube.logs(pod, namespace, site.shape.proxy, tail=tail).splitlines())


def parse(lines: Iterable[str]) -> list[LogEntry]:
    """Return the entries among log lines; the proxy's own messages are left out."""
    found: list[LogEntry] = []
    for line in lines:
        if not line.startswith("{"):
            continue
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if "upstream_host" in said:
            found.append(LogEntry.read(said))
    return found
