"""A mesh that has moved to another trust domain keeps the policies that name the old one."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial

import pytest

from harness.faults.mesh_config import mesh_config, trusting
from harness.probes.claims import all_answered, always, only_from
from harness.sabotages.control_plane import aliases_dropped
from harness.sabotages.policy import any_principal
from harness.workloads.rules import authorization, everywhere
from harness.workloads.site import Site, governing
from harness.workloads.stage import OLD_DOMAIN, SAMPLE, Stage, only


@pytest.fixture
def moved(sites: tuple[Site, ...]) -> Iterator[None]:
    """Let the trust domain of the mesh be the new one, and another one its old name.

    That is what a migration leaves behind. To move the mesh away from ``cluster.local`` would show
    nothing: in policies that name stands for any trust domain that a mesh has.
    """
    with ExitStack() as undo:
        for site in governing(sites):
            undo.enter_context(mesh_config(site, trusting(OLD_DOMAIN)))
        yield


@pytest.mark.requirement("ID-11")
@pytest.mark.sabotage.with_args(aliases_dropped, breaks="admits whom the policy names")
@pytest.mark.sabotage.with_args(any_principal, breaks="refuses whom the policy does not name")
@pytest.mark.usefixtures("moved")
@pytest.mark.disturbs
def test_policies_that_name_the_old_trust_domain_hold(cluster: Site, stage: Stage) -> None:
    host = only(cluster)
    old = f"{OLD_DOMAIN}/ns/{SAMPLE}/sa/probe-a"
    policy = authorization("old-domain", SAMPLE, app="echo", sources=[{"principals": [old]}])
    with everywhere(stage.sites, policy):
        for site in stage.sites:
            always(
                partial(stage.echo(site).call, host.url, count=20),
                only_from(cluster.name),
                what=f"{cluster.name} admits whom the policy names by the old domain, in {site}",
            )
            always(
                partial(stage.stranger(site).call, host.url, count=20),
                all_answered(403),
                what=f"{cluster.name} refuses whom the policy does not name, in {site}",
            )
