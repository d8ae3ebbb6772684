"""Gateways, east-west ones above all: where they are, what they counted, what they logged."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlencode

from harness.kube import Kube, Manifest
from harness.meshes.addresses import external_addresses, is_ip, node_ways, usable
from harness.meshes.base import NODE_SELECTOR, STATS_PORT
from harness.model import ApiError, ToolError
from harness.model import Gateway as DeclaredGateway
from harness.probes.access_log import LogEntry, entries
from harness.probes.caller import agents
from harness.probes.cluster_view import ClusterView, ready_pods

#: A histogram has more labels than the name and is left out.
_SAMPLE = re.compile(
    r'^envoy_cluster_(?P<metric>\w+)\{cluster_name="(?P<name>[^"]*)"\} (?P<value>\d\S*)$'
)


class GatedView(ClusterView, Protocol):
    """A cluster of which the east-west gateways are known."""

    @property
    def gateways(self) -> tuple[DeclaredGateway, ...]:
        """Its gateways, as the topology has them."""
        ...


@dataclass(frozen=True, slots=True)
class Gateway:
    """One pod of a gateway."""

    site: ClusterView
    pod: str
    ip: str
    namespace: str

    def counters(self, pattern: str) -> dict[str, int]:
        """Return counters and gauges of clusters whose names match ``pattern``.

        Names are Envoy's (``cluster.NAME.upstream_cx_total``), the pattern is a regular
        expression.
        """
        # Envoy itself puts a semicolon behind the name of a cluster, the page does not.
        coarse = pattern.replace(r"\.", r";?\.")
        path = f"/stats/prometheus?{urlencode({'filter': coarse})}"
        answer = self.site.kube.through_pod(self.pod, self.namespace, STATS_PORT, path)
        if answer.status != 200:
            raise ApiError(f"statistics of gateway {self.pod}", answer.status, answer.text)
        wanted = re.compile(pattern)
        found = counters_in(answer.text.splitlines())
        return {name: value for name, value in found.items() if wanted.search(name)}

    def access_log(self) -> list[LogEntry]:
        """Return what it logged, oldest first."""
        return entries(self.site, self.pod, self.namespace)


def gateways(site: ClusterView) -> list[Gateway]:
    """Return the ready east-west gateway pods of a cluster."""
    return gateways_in(site, site.shape.gateway_namespace, site.shape.gateway_pods)


def gateways_in(site: ClusterView, namespace: str, labels: str) -> list[Gateway]:
    """Return the ready pods with ``labels``, which are those of a gateway."""
    return [
        Gateway(site, str(pod["metadata"]["name"]), str(pod["status"]["podIP"]), namespace)
        for pod in ready_pods(site.kube, namespace, labels)
    ]


def address(site: GatedView) -> str:
    """Return the first address of a cluster's east-west gateway for others; empty if none."""
    return next((address for address, _ in sorted(ways_in(site))), "")


def ways_in(site: GatedView, seen_from: str = "") -> set[tuple[str, int]]:
    """Return addresses and ports at which other networks (or a certain one) enter a cluster.

    These are those of the Services of its gateways, as istiod reads them: it resolves names.
    :class:`ToolError` if there is a name, and no agent runs in the cluster that could resolve it.
    """
    return {
        (found, port)
        for each in site.gateways
        for address, port in _ways(site.kube, each, seen_from)
        for found in ([address] if is_ip(address) else _resolved(site, address))
    }


def programmed(site: ClusterView) -> set[str]:
    """Return the addresses in the status of a cluster's Gateway (of the Gateway API).

    None until its controller says that it is programmed.
    """
    shape = site.shape
    found = site.kube.get(shape.exposure_kind, shape.exposure, shape.gateway_namespace)
    said = found.get("status", {})
    conditions = {each["type"]: each["status"] for each in said.get("conditions", ())}
    if conditions.get("Programmed") != "True":
        return set()
    return {*usable(each["value"] for each in said.get("addresses", ()))}


def _resolved(site: ClusterView, name: str) -> Sequence[str]:
    asking = next(iter(agents(site)), None)
    if asking is None:
        raise ToolError(("resolve", name), 1, f"no agent runs in {site.name} to ask through")
    return asking.resolve(name).addresses


def _ways(kube: Kube, gateway: DeclaredGateway, seen_from: str) -> Iterator[tuple[str, int]]:
    service = kube.find("Service", gateway.workload, gateway.namespace)
    if service is None:
        return
    addresses = gateway.told(external_addresses(service), seen_from)
    yield from ((each, gateway.port) for each in addresses)
    selector = service["metadata"].get("annotations", {}).get(NODE_SELECTOR)
    if selector is not None:
        yield from node_ways(service, gateway.port, _nodes(kube, json.loads(selector)))


def _nodes(kube: Kube, selector: Mapping[str, str]) -> list[Manifest]:
    return kube.list("Node", labels=",".join(f"{key}={value}" for key, value in selector.items()))


def gateway_address(kube: Kube, service: str, namespace: str) -> str:
    """Return the external address (IP or name) of a Service; empty if none."""
    found = kube.find("Service", service, namespace)
    return next(iter(external_addresses(found)), "") if found else ""


def counters_in(lines: Iterable[str]) -> dict[str, int]:
    """Read the clusters' counters and gauges in Prometheus text, under Envoy's own names."""
    samples = filter(None, map(_SAMPLE.match, lines))
    return {f"cluster.{s['name']}.{s['metric']}": int(float(s["value"])) for s in samples}
