"""Endpoints as Envoy and istiod write them (EDS), read into plain data."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

#: Host address and port to "may get traffic".
Health = Mapping[tuple[str, int], bool]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint that a proxy holds.

    ``cluster`` is the cluster ID in its metadata, ``tls_mode`` is ``istio`` or empty
    (plaintext); ``weight`` and ``priority`` are Envoy's (0 is the first priority).
    """

    address: str
    port: int
    healthy: bool = True
    weight: int = 1
    priority: int = 0
    region: str = ""
    zone: str = ""
    cluster: str = ""
    tls_mode: str = ""

    def with_health(self, health: Health) -> "Endpoint":
        """Return this endpoint with what ``health`` says of it (as before if nothing)."""
        return replace(self, healthy=health.get((self.address, self.port), self.healthy))

    def __str__(self) -> str:
        """Say address, weight and whatever is out of the ordinary."""
        told = f"{self.address}:{self.port} {self.cluster} x{self.weight}"
        told += f" p{self.priority}" if self.priority else ""
        return told if self.healthy else f"{told} unhealthy"


def endpoints_in(configs: Iterable[Mapping[str, Any]], name: str) -> tuple[Endpoint, ...]:
    """Return the endpoints of cluster ``name`` in the entries of an endpoint dump.

    Entries are load assignments, bare (istiod's) or wrapped in ``endpoint_config`` (Envoy's).
    """
    found: list[Endpoint] = []
    for config in configs:
        assignment = config.get("endpoint_config", config)
        if assignment.get("cluster_name", assignment.get("clusterName")) == name:
            found += _assigned(assignment)
    return tuple(found)


def instances(held: Iterable[Endpoint], own: Set[str]) -> Fraction:
    """Return how many instances ``held`` endpoints stand for, counted by their weights.

    One at an ``own`` address is one instance, and the unit: where a network has several gateways,
    istiod multiplies all weights so that each gateway gets a whole share. Zero without that unit.
    """
    endpoints = list(held)
    unit = next((each.weight for each in endpoints if each.address in own), 0)
    return Fraction(sum(each.weight for each in endpoints), unit) if unit else Fraction(0)


def health_in(page: Mapping[str, Any], name: str) -> Health:
    """Return the health of the hosts of cluster ``name`` on Envoy's cluster page."""
    for status in page.get("cluster_statuses", []):
        if status["name"] == name:
            return dict(_host_health(host) for host in status.get("host_statuses", []))
    return {}


def _assigned(assignment: Mapping[str, Any]) -> list[Endpoint]:
    return [
        _endpoint(entry, group)
        for group in assignment.get("endpoints", [])
        for entry in _either(group, "lb_endpoints", "lbEndpoints", [])
    ]


def _endpoint(entry: Mapping[str, Any], group: Mapping[str, Any]) -> Endpoint:
    address, port = _address(entry["endpoint"]["address"])
    locality = group.get("locality", {})
    filters = _either(entry.get("metadata", {}), "filter_metadata", "filterMetadata", {})
    workload = str(filters.get("istio", {}).get("workload", "")).split(";")
    return Endpoint(
        address=address,
        port=port,
        healthy=_either(entry, "health_status", "healthStatus", "HEALTHY") in _SERVING,
        weight=int(_either(entry, "load_balancing_weight", "loadBalancingWeight", 1)),
        priority=int(group.get("priority", 0)),
        region=str(locality.get("region", "")),
        zone=str(locality.get("zone", "")),
        cluster=workload[4] if len(workload) > 4 else "",
        tls_mode=str(filters.get("envoy.transport_socket_match", {}).get("tlsMode", "")),
    )


_SERVING = ("HEALTHY", "UNKNOWN", "DEGRADED")


def _host_health(host: Mapping[str, Any]) -> tuple[tuple[str, int], bool]:
    status = host.get("health_status", {})
    said = status.get("eds_health_status", "HEALTHY") in _SERVING
    return _address(host["address"]), said and not any(
        status.get(flag, False) for flag in ("failed_active_health_check", "failed_outlier_check")
    )


def _address(address: Mapping[str, Any]) -> tuple[str, int]:
    socket = _either(address, "socket_address", "socketAddress", {})
    return str(socket.get("address", "")), int(_either(socket, "port_value", "portValue", 0))


def _either(entry: Mapping[str, Any], snake: str, camel: str, default: Any) -> Any:
    """Return a field that Envoy spells one way and istiod's JSON another."""
    return entry.get(snake, entry.get(camel, default))
