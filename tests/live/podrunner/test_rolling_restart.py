"""A served Deployment that changes under load loses no request: the node drains as a kubelet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from harness.converge import Budget, eventually, pause
from harness.probes.claims import served
from harness.probes.load import Ledger
from harness.workloads import echo
from harness.workloads.site import Site

RATE, SECONDS = 50, 30


@contextmanager
def under_load(site: Site, space: str) -> Iterator[Callable[[], Ledger]]:
    """Call the service ``echo`` 50 times a second for 30 s; yield what gives the ledger."""
    caller, url = site.caller(space, "probe"), f"http://echo.{space}:5000/"
    eventually(
        lambda: caller.call(url, count=10),
        served,
        what=f"{url} is served before anything changes",
        budget=Budget(timeout=60, interval=0.2, successes=3),
    )
    with caller.load(url, rate=RATE, seconds=SECONDS) as load:
        pause(1, why="the load is to be seen before anything changes")
        yield load.ledger


def deployed(site: Site, space: str, *, injected: bool) -> str:
    site.apply(echo.namespace(space, injected=injected), echo.service("echo", space))
    for name, replicas in (("echo", 2), ("probe", 1)):
        made = echo.Echo(name=name, namespace=space, replicas=replicas, injected=injected)
        site.deploy(made)
    for name in ("echo", "probe"):
        site.rolled_out(name, space)
    return space


def change_everything(site: Site, space: str) -> None:
    """Scale up, replace every pod, scale down."""
    site.kube.scale("echo", space, 4)
    site.rolled_out("echo", space)
    again = {"spec": {"template": {"metadata": {"annotations": {"again": uuid4().hex}}}}}
    site.kube.patch("Deployment", "echo", again, space)
    site.rolled_out("echo", space)
    site.kube.scale("echo", space, 1)
    site.rolled_out("echo", space)


def assert_nothing_was_lost(ledger: Ledger) -> None:
    assert ledger.sent >= RATE * SECONDS * 0.95, f"the load fell short: {ledger}"
    assert not ledger.failed, f"{ledger}; first: {ledger.failed[:5]}"


@pytest.mark.timeout(180)
def test_plain_pods_lose_no_request(site: Site) -> None:
    space = deployed(site, "roll-plain", injected=False)
    with under_load(site, space) as ledger:
        change_everything(site, space)
        seen = ledger()
    assert_nothing_was_lost(seen)


@pytest.mark.timeout(240)
def test_pods_with_a_sidecar_lose_no_request(meshed: Site) -> None:
    space = deployed(meshed, "roll-mesh", injected=True)
    with under_load(meshed, space) as ledger:
        change_everything(meshed, space)
        seen = ledger()
    assert_nothing_was_lost(seen)
