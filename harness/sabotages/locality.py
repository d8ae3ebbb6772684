"""Sabotages of where instances are, and of where calls are to go when they fail."""

from contextlib import contextmanager

from harness.sabotages.scene import Breaking, Scene
from harness.workloads.places import HERE, LAST, REGION, ZONE, Places, moved
from harness.workloads.rules import destination_rule, virtual_service

_PINNED = "pinned"


@contextmanager
def local_out_of_place(scene: Scene) -> Breaking:
    """Let the instance in the caller's zone say that it is in the last region."""
    with moved(scene.given("places", Places), HERE, LAST):
        yield


@contextmanager
def zone_in_other_region(scene: Scene) -> Breaking:
    """Let the instance in the other zone of the region say that it is in the last region."""
    with moved(scene.given("places", Places), ZONE, LAST):
        yield


@contextmanager
def other_target_region(scene: Scene) -> Breaking:
    """Let the caller's region fail over to the last region."""
    places = scene.given("places", Places)
    with places.site.config.applied(places.rule(places.failover(LAST))):
        yield


@contextmanager
def subset_pinned(scene: Scene) -> Breaking:
    """Send all calls to the instances of one region, whatever becomes of them."""
    places = scene.given("places", Places)
    host, config = places.host, places.site.config
    subset = {"name": _PINNED, "labels": {"version": REGION}}
    rule = destination_rule(
        host.name,
        host.namespace,
        host=host.fqdn,
        policy=places.failover(REGION),
        subsets=[subset],
    )
    route = {"route": [{"destination": {"host": host.fqdn, "subset": _PINNED}}]}
    pinned = virtual_service(host.name, host.namespace, hosts=[host.fqdn], http=[route])
    with config.applied(rule, pinned):
        yield


@contextmanager
def weights_changed(scene: Scene) -> Breaking:
    """Give half of the weight of the own zone to the other one of its region."""
    places = scene.given("places", Places)
    changed = places.rule(places.distribution({HERE: 35, ZONE: 55, LAST: 10}))
    with places.site.config.applied(changed):
        yield
