"""What calls came back with: single replies, and many of them as counts."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from harness.probes.certificates import uris_of


@dataclass(frozen=True, slots=True)
class Reply:
    """What one call came back with: a status, or the trouble that kept it from one.

    ``status`` is HTTP's. Other protocols borrow it: 200 is a correct echo or an established
    connection, a gRPC code is told by the HTTP status that stands for it (7 is 403, 14 is
    503, …) with code and message in ``trouble``. ``cluster`` … ``account`` are the answering
    agent's own words (empty if something else answered, whose words are ``body``).
    ``identity`` and ``server_identity`` are the SPIFFE URIs of caller and server as the
    server's proxy saw them (XFCC); ``server_certificate`` (PEM) is what the caller was shown
    itself, ``server_uris`` the URIs in that. ``ms`` counts from the start of the call.
    """

    status: int | None
    trouble: str = ""
    cluster: str = ""
    version: str = ""
    pod: str = ""
    namespace: str = ""
    account: str = ""
    identity: str = ""
    server_identity: str = ""
    protocol: str = ""
    path: str = ""
    body: str = ""
    server_uris: tuple[str, ...] = ()
    server_certificate: str = field(default="", repr=False)
    alpn: str = ""
    ms: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    request_headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether the call was served."""
        return self.status == 200

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Self:
        """Read a result of the agent; keys that say nothing to us are left out."""
        known = {name: said[name] for name in cls.__slots__ if name in said}
        if certificate := said.get("peer_certificate"):
            known["server_uris"] = uris_of(certificate)
            known["server_certificate"] = certificate
        return cls(**known)

    def __str__(self) -> str:
        """Say status and answering cluster, or the trouble."""
        if self.status is None:
            return self.trouble or "nothing"
        told = f"{self.status} {self.cluster}".rstrip()
        return f"{told} ({self.trouble})" if self.trouble else told


class Replies(tuple[Reply, ...]):
    """Replies in the order in which their calls began.

    ``repeated`` is how many calls may have been made before, by an agent whose answer was lost:
    servers and proxies have seen them, but nothing is counted here but the calls that followed.
    """

    repeated: int = 0

    @classmethod
    def read(cls, said: Iterable[Mapping[str, Any]], *, repeated: int = 0) -> Self:
        """Read the agent's results."""
        replies = cls(Reply.read(result) for result in said)
        replies.repeated = repeated
        return replies

    @property
    def ok(self) -> bool:
        """Whether there are replies and every one was served."""
        return bool(self) and all(reply.ok for reply in self)

    @property
    def served(self) -> "Replies":
        """Those that were served."""
        return Replies(reply for reply in self if reply.ok)

    @property
    def failed(self) -> "Replies":
        """Those that were not served."""
        return Replies(reply for reply in self if not reply.ok)

    @property
    def troubles(self) -> Counter[str]:
        """How often which trouble was met."""
        return Counter(reply.trouble for reply in self if reply.trouble)

    @property
    def clusters(self) -> Counter[str]:
        """How many replies each cluster served."""
        return Counter(reply.cluster for reply in self.served)

    @property
    def versions(self) -> Counter[str]:
        """How many replies each version served."""
        return Counter(reply.version for reply in self.served)

    @property
    def pods(self) -> Counter[str]:
        """How many replies each pod served."""
        return Counter(reply.pod for reply in self.served)

    @property
    def identities(self) -> Counter[str]:
        """How often servers saw which identity of the caller (empty: none)."""
        return Counter(reply.identity for reply in self.served)

    @property
    def statuses(self) -> Counter[int | None]:
        """How often each status came, ``None`` for no answer at all."""
        return Counter(reply.status for reply in self)

    def __str__(self) -> str:
        """Say what came how often, such as ``18x 200 cluster1, 2x 503``."""
        counted = Counter(map(str, self)).most_common()
        told = ", ".join(f"{count}x {what}" for what, count in counted) or "no replies"
        return f"{told} (after {self.repeated} whose answers were lost)" if self.repeated else told
