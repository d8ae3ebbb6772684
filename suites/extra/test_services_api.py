"""With the multi-cluster Services API, what is exported is shared, and nothing else is."""

from collections.abc import Sequence

import pytest

from harness.faults.injection import dns_captured
from harness.faults.services_api import ServicesApi, in_clusterset
from harness.probes.claims import always, from_each, only_from
from harness.sabotages.services_api import (
    cluster_local_off,
    mcs_discovery_off,
    no_service_export,
    service_import_left,
)
from harness.workloads.echo import service
from harness.workloads.rules import everywhere
from harness.workloads.site import Site
from harness.workloads.stage import ECHO, SAMPLE, Stage, lent


@pytest.mark.requirement("XT-01")
@pytest.mark.requirement("XT-02")
@pytest.mark.sabotage.with_args(mcs_discovery_off, breaks="is not exported and stays in")
@pytest.mark.sabotage.with_args(service_import_left, breaks="has no name in the cluster set")
@pytest.mark.sabotage.with_args(no_service_export, breaks="is exported and answers")
@pytest.mark.sabotage.with_args(cluster_local_off, breaks="by its own name stays in")
@pytest.mark.disturbs
def test_a_service_is_shared_if_it_is_exported(
    source: Site, targets: Sequence[Site], stage: Stage, services_api: ServicesApi
) -> None:
    host = lent(source)
    whole = in_clusterset(host)
    sites = [source, *targets]
    same = everywhere(sites, service(host.name, SAMPLE, app=ECHO.name))
    with services_api.followed(stage.primaries), dns_captured(source), same:
        caller = stage.stranger(source)
        with services_api.unshared(sites, host):
            always(
                lambda: caller.call(host.full_url, count=50),
                only_from(source.name),
                what=f"{host.fqdn} is not exported and stays in {source}",
            )
            always(
                lambda: caller.resolve(whole.fqdn).addresses,
                lambda addresses: not addresses,
                what=f"what is not exported has no name in the cluster set: {whole.fqdn}",
            )
        with services_api.shared(sites, host):
            always(
                lambda: caller.call(whole.full_url, count=50),
                from_each(stage.apart(source), at_least=1),
                what=f"{whole.fqdn} is exported and answers callers in {source} from every cluster",
            )
            always(
                lambda: caller.call(host.full_url, count=50),
                only_from(source.name),
                what=f"{host.fqdn} by its own name stays in {source}",
            )
