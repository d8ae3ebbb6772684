"""istiod's debug pages: which proxies are synced, which clusters it watches, what it hands out.

istiod answers these to a bearer token of its system namespace only, and the API server's pod
proxy strips that header from requests; so an agent in the same cluster asks on our behalf.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from harness.converge import retried
from harness.kube import Manifest
from harness.meshes.base import DEBUG_PORT
from harness.model import ApiError, ToolError
from harness.probes.caller import Caller, agents
from harness.probes.cluster_view import ClusterView, ready_pods
from harness.probes.endpoints import Endpoint, endpoints_in

_AUDIENCE = "istio-ca"
_TOKEN_SECONDS = 3600
#: What an agent answers that does not reach whom it was to ask.
_BAD_GATEWAY = 502


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy that is connected to an istiod. ``id`` is ``<pod>.<namespace>``.

    ``synced``: it has acknowledged the newest clusters, listeners, routes and endpoints that
    it was sent. ``version`` is that of the proxy's own agent, empty if it did not say.
    """

    id: str
    cluster: str
    synced: bool
    istiod: str
    version: str = ""


@dataclass(frozen=True, slots=True)
class RemoteCluster:
    """A cluster that an istiod watches; ``status`` is ``synced`` once it has read all of it."""

    name: str
    status: str
    secret: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Istiod:
    """One istiod pod, read through an agent of its cluster."""

    relay: Caller
    namespace: str
    pod: str
    ip: str
    token: str

    def proxies(self) -> tuple[Proxy, ...]:
        """Return the proxies that are connected to it."""
        return tuple(_proxy(said, self.pod) for said in self.debug("syncz"))

    def clusters(self) -> tuple[RemoteCluster, ...]:
        """Return the clusters that it watches, its own among them."""
        return tuple(
            RemoteCluster(said["id"], str(said["syncStatus"]), str(said.get("secretName", "")))
            for said in self.debug("clusterz")
        )

    def endpoints_of(self, proxy: str) -> Mapping[str, tuple[Endpoint, ...]]:
        """Return the endpoints it hands to a proxy, by name of the Envoy cluster.

        Empty if the proxy is connected to another istiod.
        """
        if all(connected.id != proxy for connected in self.proxies()):
            return {}
        configs = self.debug(f"edsz?proxyID={quote(proxy)}").get("configs", [])
        names = {str(_assignment_name(config)) for config in configs}
        return {name: endpoints_in(configs, name) for name in names}

    def shards(self, host: str) -> Mapping[str, tuple[str, ...]]:
        """Return the endpoint addresses of ``host`` (a full name) by cluster they came from."""
        found: dict[str, tuple[str, ...]] = {}
        for groups in self.debug("endpointShardz").get(host, {}).values():
            for key, endpoints in groups.get("Shards", {}).items():
                cluster = str(key).rpartition("/")[2]
                found[cluster] = found.get(cluster, ()) + tuple(_addresses(endpoints))
        return found

    def debug(self, page: str) -> Any:
        """Return a debug page, such as ``syncz``."""
        headers = {"authorization": f"Bearer {self.token}"}
        url = f"http://{self.ip}:{DEBUG_PORT}/debug/{page}"
        return self.relay.fetch(url, headers=headers)

    def __repr__(self) -> str:
        """Name the pod; the token stays out of reports."""
        return f"Istiod({self.namespace}/{self.pod} in {self.relay.cluster})"


class ConfiguredView(ClusterView, Protocol):
    """A cluster of which it is known where its control plane takes configuration from."""

    @property
    def config(self) -> ClusterView:
        """The cluster whose API server supplies it: that vouches for who asks, too."""
        ...


def istiods(site: ConfiguredView) -> list[Istiod]:
    """Return the ready istiod pods of a cluster.

    :class:`ToolError` if no agent runs in the cluster that could ask them.
    """
    shape = site.shape
    pods = ready_pods(site.kube, shape.system, shape.istiod_pods)
    if not pods:
        return []
    relay = next(iter(agents(site)), None)
    if relay is None:
        raise ToolError(("istiods", site.name), 1, "no agent runs there to ask through")
    # Debug pages are open to accounts of the root namespace, which istiod's own need not be in.
    account = _account(pods) if shape.root == shape.system else "default"
    vouching = site.config.kube
    token = vouching.token(account, shape.root, audience=_AUDIENCE, seconds=_TOKEN_SECONDS)
    return [
        Istiod(
            relay, shape.system, str(pod["metadata"]["name"]), str(pod["status"]["podIP"]), token
        )
        for pod in pods
    ]


def proxies_of(site: ConfiguredView) -> tuple[Proxy, ...]:
    """Return the proxies that are connected to any istiod of a cluster.

    An istiod may go between its listing and its answer; then those that are left are asked.
    """

    def connected() -> tuple[Proxy, ...]:
        return tuple(proxy for istiod in istiods(site) for proxy in istiod.proxies())

    return retried(connected, _gone)


def synced_on(site: ConfiguredView, cluster: str) -> set[str]:
    """Return the ids of the proxies of ``cluster`` that are synced on an istiod in ``site``."""
    found = (each for each in proxies_of(site) if each.synced and each.cluster == cluster)
    return {proxy.id for proxy in found}


def _gone(error: BaseException) -> bool:
    return isinstance(error, ApiError) and error.status == _BAD_GATEWAY


def _account(pods: Iterable[Manifest]) -> str:
    return str(next(iter(pods))["spec"]["serviceAccountName"])


def _assignment_name(config: Mapping[str, Any]) -> Any:
    return config.get("clusterName", config.get("cluster_name", ""))


_KINDS = ("cluster", "listener", "route", "endpoint")


def _proxy(said: Mapping[str, Any], istiod: str) -> Proxy:
    acknowledged = all(said.get(f"{kind}_sent") == said.get(f"{kind}_acked") for kind in _KINDS)
    synced = acknowledged and bool(said.get("cluster_sent"))
    cluster, version = str(said.get("cluster_id", "")), str(said.get("istio_version", ""))
    return Proxy(str(said["proxy"]), cluster, synced, istiod, version)


def _addresses(endpoints: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for endpoint in endpoints:
        yield from (str(address) for address in endpoint.get("Addresses", []))
