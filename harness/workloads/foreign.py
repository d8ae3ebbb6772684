"""A service of another mesh, exported and imported for one check between meshes that do not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from harness.meshes.base import PASSTHROUGH_PORT
from harness.meshes.federation import imported
from harness.model import Import
from harness.probes.caller import Caller
from harness.probes.identity import Identity
from harness.probes.replies import Replies
from harness.workloads.ingress import entered_by
from harness.workloads.rules import gateway, server
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, HTTP_PORT, RAW_REQUEST, SAMPLE

#: A trust domain of which no mesh has ever heard.
UNLISTED = "td-unlisted"
#: The virtual address of the service: of the same range as those of an installation's imports.
_VIRTUAL = "240.241.255.1"


@dataclass(frozen=True, slots=True)
class Foreign:
    """``echo`` of another mesh, behind a gateway at ``address``."""

    service: Import
    address: str

    def call(self, caller: Caller, *, count: int) -> Replies:
        """Call it as a workload that knows it by its virtual address: names need DNS capture."""
        port = self.service.port
        headers = {"host": f"{self.service.name}:{port}"}
        return caller.call(f"http://{self.service.address}:{port}/", count=count, headers=headers)

    def unverified(self, caller: Caller) -> int:
        """Call it ten times; return how many connections ended at the server's certificate.

        None if any call was served. Calls share connections, so there may be fewer of these.
        """
        before = self._failed(caller)
        replies = self.call(caller, count=10)
        return 0 if replies.served else self._failed(caller) - before

    def _failed(self, caller: Caller) -> int:
        name = self.service.name.replace(".", r"\.")
        return sum(caller.sidecar.stats(rf"{name};?\.ssl\.fail_verify_error$").values())

    def hello(self, caller: Caller, *, identity: Identity) -> Replies:
        """Call it past every proxy of the caller's, with a certificate of one's own."""
        return caller.tls(
            self.address,
            PASSTHROUGH_PORT,
            sni=ECHO.sni(),
            alpn=("istio",),
            identity=identity,
            request=RAW_REQUEST,
            count=5,
        )


@contextmanager
def foreign(importer: Site, exporter: Site) -> Iterator[Foreign]:
    """Let the mesh of ``importer`` know ``echo`` of that of ``exporter`` while the body runs."""
    name = f"foreign-{importer.name}"
    service = Import(f"{ECHO.name}.{ECHO.namespace}", exporter.mesh, HTTP_PORT, _VIRTUAL)
    with entered_by(exporter, name, ECHO) as ingress:
        passing = server(PASSTHROUGH_PORT, "TLS", "AUTO_PASSTHROUGH", hosts=[ECHO.fqdn])
        exposed = gateway(f"{name}-passing", SAMPLE, labels=ingress.labels, servers=[passing])
        known = imported(service, SAMPLE, [(ingress.address, PASSTHROUGH_PORT)])
        with exporter.config.applied(exposed), importer.config.applied(*known):
            yield Foreign(service, ingress.address)
