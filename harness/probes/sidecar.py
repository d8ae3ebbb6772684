"""A proxy's own view of the mesh: Envoy's admin pages, read through the agent beside it."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from harness.model import ApiError
from harness.probes.certificates import Certificates, split, uris_of
from harness.probes.endpoints import Endpoint, endpoints_in, health_in

#: Speaks to an agent: method, path, body.
Ask = Callable[..., Any]

_LEAF, _ROOT = "default", "ROOTCA"
#: The agent's answer where the admin port does not answer (as a gateway would say it).
_UNREACHABLE = 502


class NoProxy(AssertionError):  # noqa: N818 - what it says, and all it says
    """A workload that the mesh should have given a proxy has none that answers."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The Envoy beside an agent.

    :class:`NoProxy` if there is none or it does not answer: that is the mesh's failure.
    """

    ask: Ask

    def endpoints(self, host: str, port: int, *, subset: str = "") -> tuple[Endpoint, ...]:
        """Return the endpoints held for ``host`` (a full name), empty if it has none.

        Metadata comes from the endpoint dump, health (with outlier ejection) from the
        cluster page.
        """
        name = outbound(host, port, subset=subset)
        query = {"include_eds": "", "resource": "dynamic_endpoint_configs"}
        dump = self._config(**query, name_regex=f"^{_escaped(name)}$")
        found = endpoints_in(dump.get("configs", []), name)
        if not found:
            return ()
        health = health_in(self._clusters(name), name)
        return tuple(endpoint.with_health(health) for endpoint in found)

    def clusters(self) -> tuple[str, ...]:
        """Return the names of all clusters it holds (CDS and the static ones), sorted."""
        statuses = self._clusters()["cluster_statuses"]
        return tuple(sorted(str(status["name"]) for status in statuses))

    def knows(self, host: str, port: int) -> bool:
        """Say whether it holds a cluster for ``host`` (a full name): it was told of the Service."""
        name = outbound(host, port)
        statuses = self._clusters(name).get("cluster_statuses", [])
        return any(status["name"] == name for status in statuses)

    def stats(self, pattern: str) -> dict[str, int]:
        """Return counters and gauges whose names match the regular expression ``pattern``."""
        said = self.admin("/stats?" + urlencode({"format": "json", "filter": pattern}))
        stats = [stat for stat in said["stats"] if "value" in stat]
        return {str(stat["name"]): int(stat["value"]) for stat in stats}

    def metadata(self) -> dict[str, Any]:
        """Return the node's metadata (``CLUSTER_ID``, ``MESH_ID``, ``NETWORK``, ``LABELS`` …)."""
        return dict(self.admin("/server_info")["node"]["metadata"])

    def certificates(self) -> Certificates:
        """Return the workload's certificate chain and the root that it trusts."""
        secrets = self.config_dump(resource="dynamic_active_secrets").get("configs", [])
        by_name = {str(entry["name"]): entry["secret"] for entry in secrets}
        chain = split(_inline(by_name[_LEAF]["tls_certificate"]["certificate_chain"]))
        root = split(_inline(by_name[_ROOT]["validation_context"]["trusted_ca"]))
        return Certificates(uris_of(chain[0]), chain, "".join(root))

    def config_dump(self, **query: str) -> dict[str, Any]:
        """Return Envoy's configuration dump; ``query`` as Envoy's admin page has it."""
        return self._config(**query)

    def admin(self, path: str, *, method: str = "GET") -> Any:
        """Return any page of the admin port: JSON where it is JSON, else text."""
        try:
            return self.ask(method, "/admin?path=" + quote(path, safe=""))
        except ApiError as error:
            if error.status == _UNREACHABLE:
                raise NoProxy(f"no proxy answers: {error}") from error
            raise

    def _config(self, **query: str) -> dict[str, Any]:
        asked = "&".join(f"{key}={quote(value)}" if value else key for key, value in query.items())
        return dict(self.admin("/config_dump" + (f"?{asked}" if asked else "")))

    def _clusters(self, name: str = "") -> Mapping[str, Any]:
        wanted = f"&filter={quote(f'^{_escaped(name)}$')}" if name else ""
        return dict(self.admin("/clusters?format=json" + wanted))


def outbound(host: str, port: int, *, subset: str = "") -> str:
    """Return the name of the Envoy cluster that leads to ``host``:``port``."""
    return f"outbound|{port}|{subset}|{host}"


def _escaped(name: str) -> str:
    return name.replace("|", r"\|").replace(".", r"\.")


def _inline(source: Mapping[str, Any]) -> str:
    if "inline_bytes" in source:
        return b64decode(source["inline_bytes"]).decode()
    return str(source.get("inline_string", ""))
