"""The network plugin: a network namespace per pod with an address, routed by the node."""

from collections import deque
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from threading import Lock
from typing import Protocol

from harness.model import MachineError
from harness.providers.fabric.hardware import hardware_address
from harness.shell import Shell

# The pod's address stands alone (/32) and every packet is routed by the node, even to a pod on
# the same bridge: only so does the node's address translation see both directions, whether
# or not this kernel filters bridged packets.
#
# An address that no pod has any more is unreachable, and whoever dials it hears so at once. A
# bridge alone would go on asking for its owner, and a connection that was translated to it (a
# Service's endpoint that has just gone) would wait for its whole timeout. Other plugins say so,
# too: Cilium by `enable-unreachable-routes`, Calico by the blackhole route of a block.
_MAKE = """\
ip route del unreachable $ADDRESS 2>/dev/null || :
ip netns add "$NS"
ip -batch - <<END
link add eth0 address $MAC netns $NS type veth peer name $LINK
link set $LINK master $BRIDGE up
link set dev $LINK type bridge_slave hairpin on
END
ip -n "$NS" -batch - <<END
link set lo up
addr add $ADDRESS/32 dev eth0
link set eth0 up
route add $GATEWAY dev eth0 scope link
route add default via $GATEWAY dev eth0
END
nsenter --net="/run/netns/$NS" sh -c 'echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start'
"""
_SETTINGS = ("all/send_redirects", "default/send_redirects")


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """A pod's network namespace."""

    name: str
    address: str

    @property
    def path(self) -> str:
        """The file that stands for the namespace."""
        return f"/run/netns/{self.name}"


class NetworkPlugin(Protocol):
    """Sets pods' networks up and tears them down."""

    def set_up(self) -> PodNetwork:
        """Make a network with a free address; :class:`ToolError` if that fails."""
        ...

    def tear_down(self, network: PodNetwork) -> None:
        """Remove the network and give its address back, last in the queue."""
        ...


class BridgePlugin:
    """Attaches pods to the node's bridge. Must run in the node's network namespace."""

    def __init__(self, node: str, pods: str, bridge: str, shell: Shell) -> None:
        hosts = list(IPv4Network(pods).hosts())
        self._node = node
        self._bridge = bridge
        self._shell = shell
        self._gateway = hosts[0]
        self._free = deque(hosts[1:])
        self._lock = Lock()

    def initialize(
        self,
        root: Path = Path("/proc/sys/net/ipv4/conf"),
        namespaces: Path = Path("/run/netns"),
    ) -> None:
        """Remove what an earlier node left; keep this one from telling pods shortcuts."""
        for left in namespaces.glob(f"{self._node}-pod*"):
            self._shell.run(["ip", "netns", "del", left.name], timeout=30)
        self._shell.run(["ip", "route", "flush", "type", "unreachable"], timeout=30)
        for setting in (*_SETTINGS, f"{self._bridge}/send_redirects"):
            (root / setting).write_text("0")

    def set_up(self) -> PodNetwork:
        """Make a network with a free address; :class:`ToolError` if that fails."""
        with self._lock:
            if not self._free:
                raise MachineError(f"node {self._node} has no address left for another pod")
            address = self._free.popleft()
        number = int(address) - int(self._gateway)
        network = PodNetwork(f"{self._node}-pod{number}", str(address))
        names = {
            "NS": network.name,
            "LINK": f"pod{number}",
            "MAC": hardware_address(str(address)),
            "BRIDGE": self._bridge,
            "ADDRESS": str(address),
            "GATEWAY": str(self._gateway),
        }
        try:
            self._shell.run(["sh", "-e", "-c", _MAKE], env=names, timeout=30).checked()
        except Exception:
            self.tear_down(network)
            raise
        return network

    def tear_down(self, network: PodNetwork) -> None:
        """Remove the network and give its address back, last in the queue."""
        address = IPv4Address(network.address)
        number = int(address) - int(self._gateway)
        self._shell.run(["ip", "route", "replace", "unreachable", network.address], timeout=30)
        # The link goes at once; the namespace lingers while a dying process is still in it.
        self._shell.run(["ip", "link", "del", f"pod{number}"], timeout=30)
        self._shell.run(["ip", "netns", "del", network.name], timeout=30)
        with self._lock:
            self._free.append(address)
