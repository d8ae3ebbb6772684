"""Ambient meshes share what is labelled as global, through their gateways, and nothing else."""

from collections.abc import Callable
from functools import partial

import pytest

from harness.converge import eventually
from harness.meshes.base import NETWORK_LABEL
from harness.model import Lab
from harness.model.structure import EAST_WEST_CLASS, HBONE_PORT
from harness.probes import ztunnel
from harness.probes.claims import always, from_each, from_others, only_from
from harness.probes.gateway import programmed, ways_in
from harness.probes.wire import through
from harness.providers.base import CanCapture
from harness.sabotages.ambient import (
    global_label_added,
    global_label_removed,
    multi_network_off,
    network_label_dropped,
    no_outlier_detection,
    waypoint_unused,
)
from harness.workloads.ambient import GUIDED, KEPT, SERVER, SHARED, SPACE, caller
from harness.workloads.site import Site


@pytest.mark.requirement("AM-01")
@pytest.mark.sabotage.with_args(global_label_removed, breaks="is served by all")
def test_global_services_cross_gateways(
    cluster: Site,
    cast: tuple[Site, ...],
    lab: Lab,
    provider: CanCapture,
    notes: Callable[[str], None],
) -> None:
    expect_from_all(cluster, cast)
    others = [site for site in cast if site.network != cluster.network]
    entrances = {way for site in others for way, port in ways_in(site) if port == HBONE_PORT}
    with provider.capture(lab) as wire:
        replies = caller(cluster).call(SHARED.url, count=40)
        flows = eventually(
            wire.flows,
            partial(through, entrances),
            what=f"calls from {cluster} enter other networks at port {HBONE_PORT} of {entrances}",
        )
    notes(f"{replies}; {len(flows)} flows between networks")


@pytest.mark.requirement("AM-02")
@pytest.mark.sabotage.with_args(global_label_added, breaks="stays in")
def test_services_without_the_label_stay_at_home(cluster: Site, cast: tuple[Site, ...]) -> None:
    always(
        partial(caller(cluster).call, KEPT.url, count=30 * len(cast)),
        only_from(cluster.name),
        what=f"a Service that is not global stays in {cluster}",
    )


@pytest.mark.requirement("AM-03")
@pytest.mark.sabotage.with_args(multi_network_off, breaks="is served by all")
def test_networks_are_declared_to_all_of_the_mesh(cluster: Site, cast: tuple[Site, ...]) -> None:
    expected = {"NETWORK": cluster.network, "ISTIO_META_CLUSTER_ID": cluster.name}
    always(
        partial(ztunnel.told, cluster),
        lambda told: bool(told) and all(each.items() >= expected.items() for each in told),
        what=f"every ztunnel of {cluster} knows where it is: {expected}",
    )
    expect_from_all(cluster, cast)


def expect_from_all(cluster: Site, cast: tuple[Site, ...]) -> None:
    """Wait until every cluster serves the Service that they share to callers in one of them."""
    always(
        partial(caller(cluster).call, SHARED.url, count=30 * len(cast)),
        from_each([site.name for site in cast], at_least=5),
        what=f"a global Service is served by all clusters to callers in {cluster}",
    )


@pytest.mark.requirement("AM-04")
@pytest.mark.sabotage.with_args(waypoint_unused, breaks="while there is one")
@pytest.mark.sabotage.with_args(no_outlier_detection, breaks="while there is one")
@pytest.mark.sabotage.with_args(global_label_removed, breaks="when there is none")
@pytest.mark.disturbs
def test_a_waypoint_prefers_the_own_cluster_and_fails_over(
    cluster: Site, cast: tuple[Site, ...]
) -> None:
    call = partial(caller(cluster).call, GUIDED.url, count=30 * len(cast))
    always(
        call,
        only_from(cluster.name),
        what=f"callers in {cluster} are served by an instance there while there is one",
    )
    with cluster.scaled(SERVER, SPACE, 0):
        always(
            call,
            from_others(cluster.name),
            what=f"callers in {cluster} are served by others when there is none",
        )


@pytest.mark.requirement("AM-05")
@pytest.mark.sabotage.with_args(network_label_dropped, breaks="says that it leads into")
def test_the_gateway_is_programmed(cluster: Site) -> None:
    shape = cluster.shape
    always(
        partial(programmed, cluster),
        bool,
        what=f"the Gateway of {cluster} is programmed and has an address",
    )
    where = (shape.exposure_kind, shape.exposure, shape.gateway_namespace)
    gateway = cluster.config.kube.get(*where)
    spec, labels = gateway["spec"], gateway["metadata"].get("labels", {})
    listeners = [(each["protocol"], each["port"]) for each in spec["listeners"]]
    assert spec["gatewayClassName"] == EAST_WEST_CLASS, f"it is of another class: {spec}"
    assert ("HBONE", HBONE_PORT) in listeners, f"it does not listen for HBONE: {listeners}"
    assert labels.get(NETWORK_LABEL) == cluster.network, (
        f"no label of it says that it leads into {cluster.network}: {labels}"
    )
