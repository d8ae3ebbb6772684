"""What remotes on other networks need of control planes and exposure passes gateways."""

import pytest

from harness.converge import eventually
from harness.meshes.base import XDS_PORT
from harness.model import Lab
from harness.model.plan import API_PORT
from harness.probes.claims import always, only_from
from harness.probes.gateway import ways_in
from harness.probes.wire import between
from harness.providers.base import CanCapture
from harness.sabotages.remotes import exposed_in_remote_only, nodeport_istiod
from harness.workloads.newcomer import newcomer
from harness.workloads.site import Site
from harness.workloads.stage import Stage, only


@pytest.mark.requirement("GW-06")
@pytest.mark.sabotage.with_args(nodeport_istiod, breaks="past the gateways")
@pytest.mark.disturbs
def test_control_traffic_takes_the_gateway(
    cluster: Site, stage: Stage, lab: Lab, provider: CanCapture
) -> None:
    plane = cluster.control_plane
    ways = {address for address, _ in ways_in(plane)}
    with provider.capture(lab) as wire, newcomer(cluster):
        flows = eventually(
            lambda: between(cluster.plan, plane.plan, wire.flows()),
            lambda seen: any(flow.target_port == XDS_PORT for flow in seen),
            what=f"a new proxy of {cluster} shows on the wire as it asks for configuration",
        )
    strays = [
        str(flow) for flow in flows if flow.target not in ways and flow.source_port != API_PORT
    ]
    assert not strays, f"{cluster} reaches {plane} past the gateways {sorted(ways)}: {strays[:5]}"
    always(
        lambda: stage.stranger(cluster).call(only(cluster).url, count=20),
        only_from(cluster.name),
        what=f"{cluster} serves its own callers",
    )


@pytest.mark.requirement("GW-10")
@pytest.mark.sabotage.with_args(exposed_in_remote_only, breaks="answers callers in")
@pytest.mark.disturbs
def test_one_exposure_serves_all_gateways(source: Site, target: Site, stage: Stage) -> None:
    config = source.config.name
    always(
        lambda: stage.stranger(source).call(only(target).url, count=20),
        only_from(target.name),
        what=f"{target} answers callers in {source}, exposed in {config} alone",
    )
    holders = [site.name for site in stage.sites if holds_exposure(site)]
    assert holders == [config], f"exposed in {holders}, not in {config} alone"


def holds_exposure(site: Site) -> bool:
    """Say whether a cluster's API server holds any Gateway that passes services on by SNI."""
    found = site.kube.list("Gateway")
    modes = {server["tls"]["mode"] for each in found for server in each["spec"]["servers"]}
    return "AUTO_PASSTHROUGH" in modes
