"""Control planes in one cluster serve a group of namespaces each, and keep groups apart."""

from collections.abc import Sequence
from functools import partial

import pytest

from harness.converge import Budget, eventually
from harness.model import Lab, structure
from harness.probes.claims import always, not_served, served
from harness.probes.istiod import proxies_of
from harness.sabotages.user_groups import (
    permissive_unscoped,
    selector_widened,
    wrong_revision_label,
)
from harness.workloads.rules import foreign_host, registry_only
from harness.workloads.site import Site
from harness.workloads.stage import AGENT_PORT, Stage
from harness.workloads.user_groups import Settling, UserGroup

#: A name that no cluster has.
OUTSIDE = "outside.example"


@pytest.mark.requirement("MM-07")
@pytest.mark.sabotage.with_args(permissive_unscoped, breaks="are let in by")
@pytest.mark.disturbs
def test_groups_do_not_call_each_other(stage: Stage, lab: Lab, settling: Settling) -> None:
    site = stage.sites[0]
    with settling.of(site, structure.control_planes(lab.topology)) as groups:
        for group in groups:
            always(
                partial(group.member(0).call, group.host(1).full_url, count=10),
                served,
                what=f"members of {group} are served by each other",
            )
        for group, other in ordered(groups):
            replies = group.member().call(other.host().full_url, count=10)
            assert not_served(replies), f"callers of {group} are let in by {other}: {replies}"


@pytest.mark.requirement("MM-08")
@pytest.mark.sabotage.with_args(wrong_revision_label, breaks="of its own group")
@pytest.mark.disturbs
def test_each_namespace_has_its_own_control_plane(
    stage: Stage, lab: Lab, settling: Settling
) -> None:
    site = stage.sites[0]
    with settling.of(site, structure.control_planes(lab.topology)) as groups:
        for group in groups:
            eventually(
                partial(connected, group.site),
                group.proxies.issubset,
                what=f"istiod of {group} has the proxies of its own group",
                budget=Budget(timeout=20),
            )
        for group, other in ordered(groups):
            foreign = connected(group.site) & other.proxies
            assert not foreign, f"istiod of {group} has proxies of {other}: {foreign}"


@pytest.mark.requirement("MM-09")
@pytest.mark.sabotage.with_args(selector_widened, breaks="knows nothing of")
@pytest.mark.disturbs
def test_resources_act_by_the_control_plane_that_selects_them(
    stage: Stage, lab: Lab, settling: Settling
) -> None:
    site = stage.sites[0]
    address = stage.bare(site).ip
    url, named = f"http://{address}:{AGENT_PORT}/", {"host": f"{OUTSIDE}:{AGENT_PORT}"}
    with settling.of(site, structure.control_planes(lab.topology)) as groups:
        for group, other in ordered(groups):
            entry = foreign_host(OUTSIDE, group.namespaces[0], address=address, port=AGENT_PORT)
            closed = [registry_only(each.namespaces[0]) for each in groups]
            with site.applied(entry, *closed):
                always(
                    partial(group.member().call, url, headers=named, count=10),
                    served,
                    what=f"{group} reaches {OUTSIDE}, which it declares",
                )
                always(
                    partial(other.member().call, url, headers=named, count=10),
                    not_served,  # 502 where its proxies know of HTTP at that port, else a reset
                    what=f"{other} knows nothing of {OUTSIDE}",
                )


def ordered(groups: Sequence[UserGroup]) -> list[tuple[UserGroup, UserGroup]]:
    """Return every pair of two groups, either way."""
    return [(one, other) for one in groups for other in groups if one is not other]


def connected(site: Site) -> set[str]:
    """Return the proxies that are connected to a control plane."""
    return {proxy.id for proxy in proxies_of(site)}
