"""What stands in a cluster beside a machine of it: its namespace, accounts, Services, and a pod.

    vm (injected)   beside    Deployment, labelled ``tier: both`` as machines are, and its Service
                    hello     Service over machines alone
                    both      Service over machines and pods

It stays when a check is done, as the stage does; what joins and leaves is the machine.
"""

from harness.kube import Manifest
from harness.model import MachineSpec
from harness.workloads.echo import Echo, namespace, service
from harness.workloads.group import Group
from harness.workloads.site import Site
from harness.workloads.stage import Host

BESIDE, HELLO, BOTH = "beside", "hello", "both"
#: An account that is not the machines' own.
OTHER_ACCOUNT = "other-account"
#: The version that machines answer and are labelled with.
VERSION = "machine"
TIER = {"tier": BOTH}


def hello(machine: MachineSpec) -> Host:
    """Return the Service that selects machines only."""
    return Host(HELLO, machine.namespace)


def beside(machine: MachineSpec) -> Host:
    """Return the Service that selects pods only."""
    return Host(BESIDE, machine.namespace)


def both(machine: MachineSpec) -> Host:
    """Return the Service that selects machines and pods."""
    return Host(BOTH, machine.namespace)


def group_of(machine: MachineSpec, *, probe: Manifest | None = None) -> Group:
    """Return the WorkloadGroup that a machine is declared to be of."""
    return Group(
        name=machine.group or machine.name,
        namespace=machine.namespace,
        account=machine.account,
        labels={"app": HELLO, "version": VERSION, **TIER},
        network=machine.network,
        probe=probe,
    )


def settle(site: Site, machine: MachineSpec) -> None:
    """Have all of it stand; return when machines can be enrolled there."""
    space = machine.namespace
    over_both = service(BOTH, space)
    over_both["spec"]["selector"] = TIER
    site.apply(
        namespace(space, injected=True, revision=site.shape.revision),
        *(_account(name, space) for name in (machine.account, OTHER_ACCOUNT)),
        service(BESIDE, space),
        service(HELLO, space),
        over_both,
    )
    site.deploy(Echo(name=BESIDE, namespace=space, labels=TIER))
    site.rolled_out(BESIDE, space)
    site.await_root(space)


def declare(site: Site, space: str) -> None:
    """Have another cluster know the Service that selects machines: a name needs one there."""
    site.apply(namespace(space, injected=False), service(HELLO, space))


def _account(name: str, space: str) -> Manifest:
    metadata = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
