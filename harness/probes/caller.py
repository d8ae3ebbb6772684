"""An agent as a client: many calls by one request to its control port."""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.kube import Manifest
from harness.model import ApiError, InterruptedAnswerError
from harness.phases import to_stderr
from harness.probes.cluster_view import ClusterView, ready_pods
from harness.probes.identity import Identity
from harness.probes.load import Load
from harness.probes.replies import Replies
from harness.probes.sidecar import Sidecar
from harness.probes.transport import PodTransport, Transport

#: Is told, in a sentence, what a reader of the report must know of how calls were made.
Notice = Callable[[str], None]
#: Label of every pod that runs an agent.
AGENT_LABEL = "meshproof.io/agent"
#: Time that the control request itself may take beyond the calls it orders; seconds.
_MARGIN = 15.0


@dataclass(frozen=True, slots=True)
class Lookup:
    """What a pod's resolver said of a name."""

    addresses: tuple[str, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Caller:
    """One agent, as somebody who calls others.

    Whatever the calls meet is reported in their replies; :class:`ApiError` means that the
    agent itself could not be reached. Every call has a new connection and ``timeout``
    (seconds) for itself; the name is resolved once per request. ``on_repeat`` is told of
    calls that had to be made twice.
    """

    transport: Transport
    cluster: str
    namespace: str
    pod: str
    ip: str
    on_repeat: Notice = field(default=to_stderr, repr=False, compare=False)

    @property
    def sidecar(self) -> Sidecar:
        """The proxy beside the agent."""
        return Sidecar(self.ask)

    def call(
        self,
        url: str,
        *,
        count: int = 1,
        parallel: int = 8,
        timeout: float = 5.0,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        version: str = "1.1",
        body: bytes = b"",
        detail: bool = False,
    ) -> Replies:
        """Request ``url`` by HTTP ``version`` 1.1 or 2 (cleartext, prior knowledge).

        ``detail`` adds the headers of answer and request (as the server saw it) to replies.
        """
        spec: Manifest = {
            "protocol": "http2" if version == "2" else "http1",
            "url": url,
            "method": method,
            "headers": dict(headers or {}),
            "body": b64encode(body).decode(),
            "detail": detail,
        }
        return self._batch(spec, count=count, parallel=parallel, timeout=timeout)

    def grpc(
        self,
        host: str,
        port: int,
        *,
        count: int = 1,
        parallel: int = 8,
        timeout: float = 5.0,
        headers: Mapping[str, str] | None = None,
    ) -> Replies:
        """Call the agent's unary echo by gRPC."""
        spec: Manifest = {
            "protocol": "grpc",
            "host": host,
            "port": port,
            "headers": dict(headers or {}),
        }
        return self._batch(spec, count=count, parallel=parallel, timeout=timeout)

    def tcp(
        self,
        host: str,
        port: int,
        *,
        payload: bytes = b"",
        count: int = 1,
        parallel: int = 8,
        timeout: float = 5.0,
    ) -> Replies:
        """Send ``payload`` to the agent's TCP echo and expect it back."""
        body = b64encode(payload).decode()
        spec: Manifest = {"protocol": "tcp", "host": host, "port": port, "body": body}
        return self._batch(spec, count=count, parallel=parallel, timeout=timeout)

    def connect(
        self,
        host: str,
        port: int,
        *,
        count: int = 1,
        parallel: int = 8,
        timeout: float = 2.0,
    ) -> Replies:
        """Open a TCP connection and close it; a pod with a sidecar connects to the sidecar."""
        spec: Manifest = {"protocol": "connect", "host": host, "port": port}
        return self._batch(spec, count=count, parallel=parallel, timeout=timeout)

    def tls(
        self,
        host: str,
        port: int,
        *,
        sni: str,
        alpn: Sequence[str] = (),
        identity: Identity | None = None,
        request: bytes | None = None,
        plaintext: bool = False,
        count: int = 1,
        parallel: int = 8,
        timeout: float = 5.0,
    ) -> Replies:
        """Shake hands by TLS, send ``request`` (HTTP/1.1 bytes, if any), read one answer.

        The server's certificate is not verified but reported (``server_uris``). Without a
        request the status is 200 once the handshake is done, which under TLS 1.3 does not yet
        say that the server accepted the client's certificate. ``plaintext`` sends the request
        without any handshake.
        """
        spec: Manifest = {
            "protocol": "raw" if plaintext else "tls",
            "host": host,
            "port": port,
            "sni": sni,
            "alpn": list(alpn),
            "body": b64encode(request or b"").decode(),
            "certificate": identity.certificate_pem if identity else "",
            "key": identity.key_pem if identity else "",
        }
        return self._batch(spec, count=count, parallel=parallel, timeout=timeout)

    def resolve(self, name: str) -> Lookup:
        """Look ``name`` up as a program in the pod would."""
        said = self.ask("POST", "/resolve", {"host": name})
        return Lookup(tuple(said["addresses"]), str(said["trouble"]))

    @contextmanager
    def load(
        self,
        url: str,
        *,
        rate: float,
        seconds: float,
        timeout: float = 5.0,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[Load]:
        """Call ``url`` ``rate`` times a second for ``seconds``, whatever the answers (open loop).

        Runs inside the pod, in the background; leaving the block stops what still runs. An answer
        that takes longer than ``timeout`` seconds is lost: long, since none is promised to be soon.
        """
        spec: Manifest = {
            "url": url,
            "rate": rate,
            "seconds": seconds,
            "timeout": timeout,
            "headers": dict(headers or {}),
        }
        started = self.ask("POST", "/load", spec)
        load = Load(self.ask, started, seconds=seconds, timeout=timeout)
        try:
            yield load
        finally:
            load.stop()

    def fetch(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float = 20.0
    ) -> Any:
        """Return a page of any size as the pod sees it: JSON where it is JSON, else text.

        Unlike a call this is no observation: :class:`ApiError` if the answer is not 200.
        """
        spec: Manifest = {"url": url, "headers": dict(headers or {}), "timeout": timeout}
        return self.ask("POST", "/fetch", spec)

    def fail(
        self,
        *,
        status: int = 0,
        delay: float = 0.0,
        hang: bool = False,
        close: bool = False,
        ready: bool = True,
    ) -> None:
        """Make this agent misbehave as a server until told otherwise; no argument heals it."""
        failing: Manifest = {"status": status, "delay": delay, "hang": hang}
        self.ask("POST", "/fail", {**failing, "close": close, "ready": ready})

    def ask(
        self, method: str, path: str, body: Manifest | None = None, *, timeout: float = 30.0
    ) -> Any:
        """Speak to the agent's control port; return its JSON, or text where it is none."""
        answer = self.transport.ask(method, path, body, timeout=timeout)
        if answer.status != 200:
            raise ApiError(f"agent {self.namespace}/{self.pod} {path}", answer.status, answer.text)
        return answer.json() if answer.body[:1] in (b"{", b"[") else answer.text

    def _batch(self, spec: Manifest, *, count: int, parallel: int, timeout: float) -> Replies:
        spec |= {"count": count, "parallel": parallel, "timeout": timeout}
        rounds = -(-count // max(1, parallel))
        patience = rounds * timeout + _MARGIN
        try:
            said = self.ask("POST", "/call", spec, timeout=patience)
        except InterruptedAnswerError as error:
            # The way to the agent broke, which says nothing of the calls: they are made anew.
            lost = (
                f"up to {count} calls of {self} were made twice, as the answers were lost: {error}"
            )
            self.on_repeat(lost)
            said = self.ask("POST", "/call", spec, timeout=patience)
            return Replies.read(said["results"], repeated=count)
        return Replies.read(said["results"])

    def __str__(self) -> str:
        """Name the pod and its cluster."""
        return f"{self.namespace}/{self.pod} in {self.cluster}"


def agents(site: ClusterView) -> list[Caller]:
    """Return every ready agent of a cluster, those without a sidecar first."""
    pods = ready_pods(site.kube, None, f"{AGENT_LABEL}=true")
    pods.sort(
        key=lambda pod: len(pod["spec"]["containers"] + pod["spec"].get("initContainers", []))
    )
    return [as_caller(site, pod) for pod in pods]


def as_caller(site: ClusterView, pod: Manifest, *, on_repeat: Notice = to_stderr) -> Caller:
    """Return the agent in ``pod``."""
    metadata = pod["metadata"]
    namespace, name = str(metadata["namespace"]), str(metadata["name"])
    transport = PodTransport(site.kube, namespace, name)
    address = str(pod["status"]["podIP"])
    return Caller(transport, site.name, namespace, name, address, on_repeat)
