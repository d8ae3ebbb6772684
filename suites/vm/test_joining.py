"""Machines join, by the gateway; are registered when they ask for it; and leave."""

import pytest

from harness.converge import Budget
from harness.probes.claims import always, served
from harness.probes.istiod import Proxy, istiods
from harness.sabotages.machines import wrong_root_cert
from harness.workloads.guest import Guest

#: How long a proxy may take to start, to be known to istiod and to get what it needs.
JOINS = Budget(timeout=30, interval=0.2)


@pytest.mark.requirement("VM-01")
@pytest.mark.sabotage.with_args(wrong_root_cert, breaks="is ready")
def test_a_machine_joins(guest: Guest) -> None:
    with guest.joined(ready=False):
        always(guest.readiness, served, what=f"the proxy of {guest} is ready", budget=JOINS)
        always(
            lambda: known(guest),
            lambda seen: bool(seen) and all(proxy.synced for proxy in seen),
            what=f"a control plane lists {guest.proxy} as synced",
        )


def known(guest: Guest) -> list[Proxy]:
    """Return what control planes that serve the machine's cluster know of its proxy."""
    planes = guest.site.control_planes
    proxies = [proxy for site in planes for each in istiods(site) for proxy in each.proxies()]
    return [proxy for proxy in proxies if proxy.id == guest.proxy]
