"""Each control plane configures its own workloads and watches every cluster."""

from functools import partial

import pytest

from harness.converge import eventually
from harness.model.structure import ControlPlane
from harness.probes.claims import always
from harness.probes.gateway import gateways
from harness.probes.istiod import Istiod, istiods, synced_on
from harness.sabotages.control_plane import remote_pilot_address
from harness.sabotages.discovery import secret_copied, secret_of_nobody, unreachable_server
from harness.workloads.site import Site, governing
from harness.workloads.stage import Stage


@pytest.mark.requirement("CP-01")
@pytest.mark.sabotage.with_args(remote_pilot_address, breaks="is synced on")
@pytest.mark.disturbs
def test_a_primary_configures_its_own_workloads(stage: Stage) -> None:
    for site in stage.primaries:
        expected = {f"{caller.pod}.{caller.namespace}" for caller in stage.injected(site)}
        expected |= {f"{each.pod}.{each.namespace}" for each in gateways(site)}
        eventually(
            partial(synced_on, site, site.name),
            expected.issubset,
            what=f"every proxy of {site.name} is synced on an istiod of {site.name}",
        )


@pytest.mark.requirement("CP-15")
@pytest.mark.sabotage.with_args(unreachable_server, breaks="has synced")
@pytest.mark.usefixtures("stage")  # whose agents ask istiods
def test_every_istiod_watches_every_cluster(source: Site, target: Site) -> None:
    eventually(
        lambda: [statuses(each) for plane in source.control_planes for each in istiods(plane)],
        lambda seen: bool(seen) and all(s.get(target.name) == "synced" for s in seen),
        what=f"every istiod that serves {source.name} has synced {target.name}",
    )


def statuses(istiod: Istiod) -> dict[str, str]:
    """Return what an istiod says of each cluster that it knows."""
    return {cluster.name: cluster.status for cluster in istiod.clusters()}


@pytest.mark.requirement("CP-19")
@pytest.mark.sabotage.with_args(secret_of_nobody, secret_copied, breaks="and no other, each once")
def test_a_control_plane_knows_the_clusters_of_its_mesh(
    control_plane: ControlPlane, stage: Stage
) -> None:
    home = next(site for site in governing(stage.sites) if site.name == control_plane.cluster)
    expected = sorted({control_plane.config_cluster, *control_plane.reads})
    always(
        lambda: [sorted(known.name for known in each.clusters()) for each in istiods(home)],
        lambda views: bool(views) and all(view == expected for view in views),
        what=f"every istiod of {control_plane.name} knows {expected} and no other, each once",
    )
