"""Where the Service of a gateway is reached from other networks, as istiod reads it.

Source: istio/istio ``pilot/pkg/serviceregistry/kube/conversion.go`` (addresses) and
``…/controller/network.go`` (nodes).
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from harness.kube import Manifest


def is_ip(address: str) -> bool:
    """Say whether an address of a Service is no name."""
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def external_addresses(service: Manifest) -> list[str]:
    """Return the addresses (IPs or names) of a Service for clients outside of its cluster.

    What a load balancer has given to it, or else its own ``externalIPs``; without those that
    clients of IPv4 cannot use.
    """
    status = (service.get("status") or {}).get("loadBalancer") or {}
    given = [str(each.get("ip") or each.get("hostname")) for each in status.get("ingress") or []]
    return usable(given or [str(each) for each in service["spec"].get("externalIPs", [])])


def usable(addresses: Iterable[str]) -> list[str]:
    """Return names, and IPs of the one family (IPv4) that pods of every lab have."""
    return [each for each in addresses if not is_ip(each) or ip_address(each).version == 4]


def node_ways(service: Manifest, port: int, nodes: Iterable[Manifest]) -> Iterator[tuple[str, int]]:
    """Yield where a Service is reached at nodes: their external addresses, the port's NodePort."""
    for each in service["spec"]["ports"]:
        if each["port"] == port and each.get("nodePort"):
            for node in nodes:
                for address in node["status"].get("addresses", []):
                    if address["type"] == "ExternalIP":
                        yield str(address["address"]), int(each["nodePort"])
