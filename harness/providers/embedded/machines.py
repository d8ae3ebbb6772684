"""Machines beside the clusters of a lab: a namespace with a view of files of its own.

    machine ── eth0 ┄ link named after its address ── bridge of its network ── router

All of it belongs to the visit that asked for it, and ends with that. Its first process is the
root of its own tree of processes, so nothing that it runs outlives it.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from harness.converge import Budget, eventually
from harness.model import Lab, MachineError, NetworkPlan
from harness.providers.embedded import fabric
from harness.providers.embedded.control import ControlClient
from harness.providers.embedded.layout import node_config
from harness.providers.embedded.spec import ROUTER, Daemon
from harness.providers.fabric.furnishing import first_process, furnish
from harness.providers.fabric.state import State
from harness.providers.podrunner import bubblewrap
from harness.providers.podrunner.config import Image, NodeConfig
from harness.shell import Outcome

_SOON = Budget(timeout=10.0, interval=0.01, firm=True)
#: What a program finds in its environment on a machine.
_ENVIRONMENT = ("HOME=/root", "LANG=C.UTF-8", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
#: The descriptor by which a sandbox tells its first process.
_INFO = 3
_TOLD = f'exec {_INFO}>"$0"; exec "$@"'


@dataclass(frozen=True, slots=True)
class NamespaceMachine:
    """A machine that stands: ``first`` is its first process as the lab numbers it."""

    name: str
    address: str
    first: int
    place: State

    def run(
        self, argv: Sequence[str], *, stdin: str | None = None, timeout: float = 120.0
    ) -> Outcome:
        """Run ``argv`` on the machine to completion, whatever its exit code; from any thread."""
        inside = [*bubblewrap.beside(self.first), "env", "-i", *_ENVIRONMENT, *argv]
        with ControlClient(self.place.control) as control:
            return control.run(_namespace(self.name), inside, stdin=stdin, timeout=timeout)


def raised(
    control: ControlClient, lab: Lab, *, network: str, name: str, images: Sequence[str]
) -> NamespaceMachine:
    """Start a machine that ends with the visit of ``control``."""
    if network not in {each.name for each in lab.plan.networks}:
        raise MachineError(f"the lab has no network {network}")
    place = State(Path(lab.state_dir))
    image = _image(place, lab, images)
    added = ["ip", "netns", "add", _namespace(name)]
    if control.run("", added, undo=["ip", "netns", "delete", _namespace(name)]).exit_code != 0:
        raise MachineError(f"the lab has a machine called {name} already")
    address = _wired(control, lab.plan, network, name)
    first = _booted(control, place, name, image)
    machine = NamespaceMachine(name, address, first, place)
    furnish(name, address, machine.run)
    return machine


def _namespace(name: str) -> str:
    """Return a name that no node has."""
    return f"machine.{name}"


def _image(place: State, lab: Lab, names: Sequence[str]) -> Image:
    """Return all that is in the images, as the nodes of the lab know them."""
    nodes = (node.name for cluster in lab.plan.clusters for node in cluster.nodes)
    known = [NodeConfig.read(node_config(place, node)) for node in nodes]
    found = {name: image for name in names for each in known if (image := each.image(name))}
    if absent := [name for name in names if name not in found]:
        raise MachineError(f"the lab has no image {', '.join(absent)}")
    return Image(
        argv=(),
        binds={path: source for each in found.values() for path, source in each.binds.items()},
        writable=tuple(path for each in found.values() for path in each.writable),
    )


def _wired(control: ControlClient, plan: NetworkPlan, network: str, name: str) -> str:
    """Put the machine on its network; return the address that it has there."""
    for address in _addresses(plan, network, name):
        link = f"m{int(IPv4Address(address)):08x}"
        peer = ["peer", "name", link, "netns", ROUTER]
        argv = ["ip", "link", "add", "eth0", "netns", _namespace(name), "type", "veth", *peer]
        if control.run("", argv).exit_code == 0:
            up = ["ip", "link", "set", link, "master", fabric.bridges(plan)[network], "up"]
            control.run(ROUTER, up, undo=["ip", "link", "delete", link]).checked()
            batch = "\n".join(fabric.machine_links(plan, network, address))
            control.run(_namespace(name), ["ip", "-batch", "-"], stdin=batch).checked()
            return address
    raise MachineError(f"network {network} has no address left for machine {name}")


def _addresses(plan: NetworkPlan, network: str, name: str) -> Iterator[str]:
    """Yield the addresses that the machine may have: one that is taken has its link already."""
    planned = {each.name: each for each in plan.machines if each.network == network}
    if name in planned:
        yield planned[name].address
        return
    taken = {plan.network(network).router, *(each.address for each in plan.machines)}
    taken |= {node.address for cluster in plan.clusters for node in cluster.nodes}
    taken |= {address for cluster in plan.clusters for address in cluster.load_balancers}
    hosts = IPv4Network(plan.network(network).cidr).hosts()
    yield from (str(each) for each in hosts if str(each) not in taken)


def _booted(control: ControlClient, place: State, name: str, image: Image) -> int:
    """Start the first process; return its number in the lab."""
    told = place.path / f"machine-{name}.json"
    told.unlink(missing_ok=True)
    first = bubblewrap.machine(name, image, _INFO, first_process())
    argv = ("sh", "-c", _TOLD, str(told), *first)
    program = f"machine-{name}"
    control.borrow(Daemon(name=program, namespace=_namespace(name), argv=argv))
    seen = eventually(
        lambda: (_first(told), control.states().get(program)),
        lambda seen: seen[0] is not None or seen[1] is not None,
        what=f"machine {name} has started",
        budget=_SOON,
    )
    if seen[0] is None:
        raise MachineError(f"machine {name} does not start (exit code {seen[1]})")
    return seen[0]


def _first(told: Path) -> int | None:
    with suppress(OSError, ValueError):
        return int(json.loads(told.read_text(encoding="utf-8"))["child-pid"])
    return None
