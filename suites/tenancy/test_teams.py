"""A team works where it is let, by its own credentials, and nowhere else."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from harness.converge import Budget
from harness.probes.claims import always
from harness.probes.rights import Action, granted
from harness.sabotages.accounts import (
    cluster_role_binding,
    role_binding_removed,
    shared_admin_kubeconfig,
)
from harness.workloads.site import Site
from harness.workloads.stage import Stage
from harness.workloads.team import Team, team_of

#: Roles are in force at once.
AT_ONCE = Budget(timeout=10)
DEPLOYING = ("pods", "deployments.apps")
#: What somebody could look for who has no business in a cluster.
PRYING = [
    *(Action(verb, name) for verb in ("get", "list") for name in ("nodes", "namespaces")),
    *(Action(verb, name) for verb in ("list", "create") for name in ("pods", "secrets")),
    Action("create", "clusterrolebindings.rbac.authorization.k8s.io"),
]


@pytest.fixture
def team(cluster: Site, stage: Stage, tmp_path: Path) -> Iterator[Team]:
    """A team of one namespace, which the other clusters know by name, too."""
    with team_of(cluster, stage, tmp_path) as team:
        yield team


@pytest.mark.requirement("TN-10")
@pytest.mark.sabotage.with_args(role_binding_removed, breaks="deploys in its own namespace")
@pytest.mark.sabotage.with_args(cluster_role_binding, breaks="deploys nowhere else")
def test_a_team_deploys_only_in_its_namespace(team: Team) -> None:
    home = team.home
    own = deploying([team.space])
    names = (str(each["metadata"]["name"]) for each in home.kube.list("Namespace"))
    others = deploying([name for name in names if name != team.space])
    assert others, f"{home} has no other namespace than {team.space}"
    always(
        lambda: may(team, home, own),
        lambda seen: seen == words(own),
        what=f"a team of {home} deploys in its own namespace",
        budget=AT_ONCE,
    )
    always(
        lambda: may(team, home, others),
        lambda seen: not seen,
        what=f"a team of {home} deploys nowhere else",
        budget=AT_ONCE,
    )


@pytest.mark.requirement("TN-09")
@pytest.mark.sabotage.with_args(role_binding_removed, breaks="does its work")
@pytest.mark.sabotage.with_args(shared_admin_kubeconfig, breaks="open another")
def test_credentials_end_at_their_cluster(team: Team, stage: Stage) -> None:
    home = team.home
    work = deploying([team.space])
    others = [site for site in stage.sites if site.name != home.name]
    assert others, f"{home} is the only cluster"
    always(
        lambda: may(team, home, work),
        lambda seen: seen == words(work),
        what=f"a team of {home} does its work there",
        budget=AT_ONCE,
    )
    for other in others:
        seen = may(team, other, [*work, *PRYING])
        assert not seen, f"credentials of {home} open another cluster: {other} {sorted(seen)}"


def deploying(spaces: Iterable[str]) -> list[Action]:
    """Return what deploying in these namespaces takes."""
    return [Action("create", name, space) for space in spaces for name in DEPLOYING]


def may(team: Team, site: Site, actions: Iterable[Action]) -> set[str]:
    """Return what of ``actions`` the team may do in a cluster, by any of its credentials."""
    asked = list(actions)
    return {str(action) for kube in team.at(site) for action in granted(kube, asked)}


def words(actions: Iterable[Action]) -> set[str]:
    """Return actions in words."""
    return {str(action) for action in actions}
